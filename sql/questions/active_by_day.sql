-- How many addresses spend on a day?
select date_trunc('day', time) as day, count(distinct address) as addresses
from bitcoin.inputs
where address is not null
group by date_trunc('day', time)
order by day
