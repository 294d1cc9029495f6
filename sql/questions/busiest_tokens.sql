-- Which tokens move most often?
select token, count(*) as transfers
from ethereum.token_transfers
where standard = 'erc20'
group by token
order by transfers desc, token
limit 10
