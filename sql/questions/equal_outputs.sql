-- Which transactions have many outputs of equal value, as CoinJoins do?
select txid, value, count(*) as equal_outputs
from bitcoin.outputs
group by txid, value
having count(*) >= 5
order by equal_outputs desc, value desc, txid
limit 20
