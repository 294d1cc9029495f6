-- When did an address receive how much?
select height, value
from bitcoin.outputs
where address = '$address'
order by height, tx_index, output_index
