-- Which kinds of scripts hold how much?
select script_type, count(*) as outputs, sum(value) as value
from bitcoin.outputs
group by script_type
order by value desc, script_type
