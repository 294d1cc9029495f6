//! Aggregates that say how unequally an amount is held, one a file.
//!
//! Amounts are taken as floating-point numbers, in any unit; nulls are left out, zeros are holders, too.
//! What an aggregate keeps and passes on is bounded: see [`crate::distribution`].

mod gini;
mod hhi;
mod lorenz;
mod nakamoto;
mod theil;
mod top_fraction_share;
mod top_share;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{
    AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs,
};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_MATH;
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Documentation, Expr, Signature,
    Volatility,
};

use crate::distribution::{Classes, Collected};

/// What holds for all of them.
const PRECISION: &str =
    "Exact up to 262,144 different amounts; beyond, each amount is taken to 1 part in 4,096.";

/// The aggregates.
pub(super) fn all() -> Vec<AggregateUDF> {
    let measures = [
        gini::MEASURE,
        hhi::MEASURE,
        lorenz::MEASURE,
        nakamoto::MEASURE,
        theil::MEASURE,
        top_fraction_share::MEASURE,
        top_share::MEASURE,
    ];
    measures.into_iter().map(|measure| AggregateUDF::from(Concentration::new(measure))).collect()
}

/// A measure of concentration.
#[derive(Clone, Copy, Debug)]
struct Measure {
    name: &'static str,
    syntax: &'static str,
    doc: &'static str,
    example: &'static str,
    parameter: Option<Parameter>,
    return_type: fn() -> DataType,
    /// What it is for these holders; the number is that of the parameter, if there is one.
    value: fn(&Classes, f64) -> ScalarValue,
}

/// A number that a measure depends on. It has to be a constant.
#[derive(Clone, Copy, Debug)]
struct Parameter {
    name: &'static str,
    doc: &'static str,
    default: Option<f64>,
    is_valid: fn(f64) -> bool,
}

impl Measure {
    fn takes(&self, arguments: usize) -> bool {
        match self.parameter {
            None => arguments == 1,
            Some(Parameter { default: None, .. }) => arguments == 2,
            Some(Parameter { default: Some(_), .. }) => arguments == 1 || arguments == 2,
        }
    }

    /// The parameter's value, as the call says.
    fn parameter_of(&self, args: &AccumulatorArgs<'_>) -> Result<f64> {
        let Some(parameter) = self.parameter else { return Ok(f64::NAN) };
        let value = match (args.exprs.get(1), parameter.default) {
            (Some(expr), _) => {
                let no_row = RecordBatch::new_empty(Arc::new(Schema::empty()));
                match expr.evaluate(&no_row) {
                    Ok(ColumnarValue::Scalar(ScalarValue::Float64(value))) => value,
                    _ => None,
                }
            }
            (None, default) => default,
        };
        match value {
            Some(value) if (parameter.is_valid)(value) => Ok(value),
            _ => {
                plan_err!(
                    "{}: '{}' has to be a constant: {}",
                    self.syntax,
                    parameter.name,
                    parameter.doc
                )
            }
        }
    }
}

/// The aggregate of a measure.
#[derive(Debug)]
struct Concentration {
    measure: Measure,
    signature: Signature,
    documentation: Documentation,
}

impl Concentration {
    fn new(measure: Measure) -> Concentration {
        let doc = format!("{} {PRECISION}", measure.doc);
        let mut documentation = Documentation::builder(DOC_SECTION_MATH, doc, measure.syntax)
            .with_argument("x", "What each holder holds, in any unit; never below zero.")
            .with_sql_example(measure.example);
        if let Some(parameter) = measure.parameter {
            documentation = documentation.with_argument(parameter.name, parameter.doc);
        }
        Concentration {
            measure,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: documentation.build(),
        }
    }
}

impl PartialEq for Concentration {
    fn eq(&self, other: &Concentration) -> bool {
        self.measure.name == other.measure.name
    }
}

impl Eq for Concentration {}

impl Hash for Concentration {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.measure.name.hash(state);
    }
}

impl AggregateUDFImpl for Concentration {
    fn name(&self) -> &str {
        self.measure.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let are_numbers = types.iter().all(|kind| kind.is_numeric() || kind.is_null());
        if !are_numbers || !self.measure.takes(types.len()) {
            return plan_err!("use it as {}, of numbers", self.measure.syntax);
        }
        Ok(vec![DataType::Float64; types.len()])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok((self.measure.return_type)())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let parameter = self.measure.parameter_of(&args)?;
        let collected = Collected::default();
        Ok(Box::new(Holders { measure: self.measure, parameter, collected }))
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        let name = self.measure.name;
        Some(Box::new(move |call, _| match call.params.distinct {
            // Two who hold the same are two.
            true => plan_err!("{name} counts every holder: leave out 'distinct'"),
            false => Ok(Expr::AggregateFunction(call)),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "holders");
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The holders that were seen.
#[derive(Debug)]
struct Holders {
    measure: Measure,
    parameter: f64,
    collected: Collected,
}

impl Holders {
    fn for_each(
        &mut self,
        values: &[ArrayRef],
        change: impl Fn(&mut Collected, f64) -> Result<(), crate::distribution::NotAnAmount>,
    ) -> Result<()> {
        for amount in values[0].as_primitive::<Float64Type>().iter().flatten() {
            change(&mut self.collected, amount)
                .map_err(|error| exec_datafusion_err!("{}: {error}", self.measure.name))?;
        }
        Ok(())
    }
}

impl Accumulator for Holders {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.for_each(values, Collected::add)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.for_each(values, Collected::remove)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.collected.encode()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_binary::<i32>().iter().flatten() {
            let damaged = || -> DataFusionError {
                exec_datafusion_err!("{}: the state of a part is damaged", self.measure.name)
            };
            self.collected.merge(Collected::decode(state).ok_or_else(damaged)?);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok((self.measure.value)(&self.collected.classes(), self.parameter))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.collected.bytes()
    }
}

/// Whether `value` is a share of something, and not none of it.
fn is_share(value: f64) -> bool {
    value > 0.0 && value <= 1.0
}

/// Whether `value` is a whole number from 1 to `most`.
fn is_count(value: f64, most: f64) -> bool {
    value >= 1.0 && value <= most && value.fract() == 0.0
}
