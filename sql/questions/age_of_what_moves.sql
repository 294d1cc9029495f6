-- How old are the coins that move on a day, in blocks, weighed by their value?
select
    date_trunc('day', time) as day,
    sum(cast(value as double) * (height - spent_height)) / sum(cast(value as double)) as age
from bitcoin.inputs
where value > 0
group by date_trunc('day', time)
order by day
