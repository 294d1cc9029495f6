-- What does a transaction spend, and whose was it?
select input_index, address, value
from bitcoin.inputs
where txid = unhex('$txid')
order by input_index
