-- What is not spent, by kind of script?
select script_type, count(*) as outputs, sum(value) as value
from bitcoin.utxos
group by script_type
order by value desc, script_type
