-- How many addresses hold less than 0.01 BTC, and how many are there?
select sum(case when balance < 1000000 then 1 else 0 end) as small, count(*) as all_addresses
from bitcoin.balances
