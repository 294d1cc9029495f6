//! Rules in SQL. Each is a query that finds the blocks that break it: height, what was compared,
//! what it must be, and what it is.

use std::ops::Range;

use assay_query::Session;

use super::{for_each_difference, within};
use crate::commands::verify::check::Check;

/// Something that holds for every block.
pub struct Rule {
    name: &'static str,
    description: &'static str,
    /// The query; `{within}` stands for the condition on heights.
    sql: &'static str,
}

/// Every rule about single blocks.
pub const ALL: [Rule; 4] = [COUNTS, GAS, FEES, FLOWS];

const COUNTS: Rule = Rule {
    name: "counts",
    description: "each block has as many transactions, logs and withdrawals as it says",
    sql: "
        with counted as (
            select height, 'transactions' as what, count(*) as found from ethereum.transactions
            where {within} group by height
            union all
            select height, 'logs', count(*) from ethereum.logs where {within} group by height
            union all
            select height, 'withdrawals', count(*) from ethereum.withdrawals
            where {within} group by height
        ), said as (
            select height, 'transactions' as what, transaction_count as wanted
            from ethereum.blocks where {within}
            union all
            select height, 'logs', log_count from ethereum.blocks where {within}
            union all
            select height, 'withdrawals', withdrawal_count from ethereum.blocks where {within}
        )
        select coalesce(said.height, counted.height), coalesce(said.what, counted.what),
               cast(coalesce(wanted, 0) as varchar), cast(coalesce(found, 0) as varchar)
        from said full join counted on said.height = counted.height and said.what = counted.what
        where coalesce(wanted, 0) <> coalesce(found, 0)",
};

const GAS: Rule = Rule {
    name: "gas",
    description: "the gas of its transactions adds up to the block's",
    sql: "
        select b.height, 'gas used', cast(b.gas_used as varchar),
               cast(coalesce(t.gas_used, 0) as varchar)
        from ethereum.blocks b left join (
            select height, sum(gas_used) as gas_used from ethereum.transactions
            where {within} group by height
        ) t on b.height = t.height
        where b.{within} and b.gas_used <> coalesce(t.gas_used, 0)",
};

const FEES: Rule = Rule {
    name: "fees",
    description: "fees, and what was burnt of them, add up to the block's",
    sql: "
        select b.height, 'fees and burnt', b.fees || ' and ' || b.burnt,
               coalesce(t.fees, 0) || ' and ' || coalesce(t.burnt, 0)
        from ethereum.blocks b left join (
            select height, sum(fee) as fees, sum(burnt) as burnt from ethereum.transactions
            where {within} group by height
        ) t on b.height = t.height
        where b.{within}
          and (b.fees <> coalesce(t.fees, 0) or b.burnt <> coalesce(t.burnt, 0))",
};

const FLOWS: Rule = Rule {
    name: "flows",
    description: "ether is conserved: it flows as blocks, transactions, traces and withdrawals say",
    sql: "
        with flows as (
            select height, case when kind in ('base_fee_burn', 'blob_fee_burn') then 'burnt'
                                else kind end as what, sum(value) as found
            from ethereum.value_flows
            where {within} and kind not in ('genesis', 'destroyed')
            group by 1, 2
        ), said as (
            select height, 'block_reward' as what, block_reward as wanted
            from ethereum.blocks where {within}
            union all
            select height, 'uncle_reward', uncle_reward from ethereum.blocks where {within}
            union all
            select height, 'burnt', burnt from ethereum.blocks where {within}
            union all
            select height, 'priority_fee', fees - burnt from ethereum.blocks where {within}
            union all
            select height, 'transfer', sum(value) from ethereum.transactions
            where {within} and not is_failed group by height
            union all
            select height, 'withdrawal', sum(amount) from ethereum.withdrawals
            where {within} group by height
            union all
            select height, 'internal', sum(value) from ethereum.traces
            where {within} and not is_reverted and kind <> 'reward'
              and coalesce(call_kind, '') not in ('callcode', 'delegatecall', 'staticcall')
              and cardinality(trace_address) > 0 and from_address <> to_address
            group by height
            union all
            select height, 'internal', sum(value) from ethereum.traces
            where {within} and not is_reverted and kind = 'call' and call_kind = 'call'
              and cardinality(trace_address) > 0 and from_address = to_address
            group by height
        ), wanted as (
            select height, what, sum(wanted) as wanted from said group by height, what
        )
        select coalesce(wanted.height, flows.height), coalesce(wanted.what, flows.what),
               cast(coalesce(wanted, 0) as varchar), cast(coalesce(found, 0) as varchar)
        from wanted full join flows on wanted.height = flows.height and wanted.what = flows.what
        where coalesce(wanted, 0) <> coalesce(found, 0)",
};

/// A rule about all blocks together, which holds where no flow is missing.
pub const BALANCES: Rule = Rule {
    name: "balances",
    description: "nobody has less than nothing",
    sql: "
        select last_height, encode(address, 'hex'), 'at least 0', cast(balance as varchar)
        from ethereum.balances where balance < 0 and {within_last}",
};

impl Rule {
    /// The check of this rule, before anything is compared.
    pub fn check(&self) -> Check {
        Check::new(self.name, self.description)
    }

    /// Looks for what breaks the rule in `heights`.
    pub async fn apply(
        &self,
        session: &Session,
        heights: &Range<u64>,
        check: &mut Check,
    ) -> anyhow::Result<()> {
        let within = within(heights);
        let sql = self
            .sql
            .replace("b.{within}", &within.replace("height", "b.height"))
            .replace("{within_last}", &within.replace("height", "last_height"))
            .replace("{within}", &within);
        check.compared += heights.end - heights.start;
        for_each_difference(session, &sql, |height, [what, expected, found]| {
            check.differ(height, format_args!("{what}"), expected, found);
        })
        .await
    }
}
