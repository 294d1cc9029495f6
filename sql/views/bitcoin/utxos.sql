-- Spendable outputs that no input spends.
--
-- The height is part of the match: two coinbases of mainnet repeat the txid of an earlier one
-- (BIP 30), and spending the later must not touch the earlier. That one is lost, which
-- is_spendable says.
select
    created.txid,
    created.output_index,
    created.height,
    created.time,
    created.value,
    created.script_type,
    created.address,
    created.script
from bitcoin.outputs as created
where created.is_spendable
  and not exists (
    select 1
    from bitcoin.inputs as spent
    where spent.spent_txid = created.txid
      and spent.spent_output_index = cast(created.output_index as bigint)
      and spent.spent_height = created.height
  )
