-- Which addresses hold the most?
select address, balance
from bitcoin.balances
order by balance desc, address
limit 10
