//! `orderBy(…).thenBy(…)`: sorted when first read, by the engine's own `<` and `>`.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use super::fault::Fault;
use super::frame::Lambda;
use super::value::{Items, Value};
use super::vm::Vm;

pub(super) struct Order {
    pub(super) source: Value,
    pub(super) fields: Vec<(Lambda, Direction)>,
    pub(super) sorted: Option<Rc<Items>>,
    pub(super) depth: u16,
}

#[derive(Clone, Copy)]
pub(super) enum Direction {
    Up,
    Down,
}

pub(super) fn sorted(vm: &mut Vm<'_>, order: &Rc<RefCell<Order>>) -> Result<Rc<Items>, Fault> {
    if let Some(done) = &order.borrow().sorted {
        return Ok(Rc::clone(done));
    }
    let (source, fields) = {
        let order = order.borrow();
        (order.source.clone(), order.fields.clone())
    };
    let mut rows = Vec::new();
    for item in vm.collect(&source)? {
        let keys = fields.iter().map(|(selector, _)| vm.apply(selector, vec![item.clone()]));
        rows.push((keys.collect::<Result<Vec<_>, _>>()?, item));
    }
    let rows = merge_sort(vm, &fields, rows)?;
    let Value::Tuple(items) = Value::tuple(rows.into_iter().map(|row| row.1).collect())? else {
        return Err(Fault::kind("a tuple"));
    };
    order.borrow_mut().sorted = Some(Rc::clone(&items));
    Ok(items)
}

fn compare(
    vm: &mut Vm<'_>,
    fields: &[(Lambda, Direction)],
    left: &[Value],
    right: &[Value],
) -> Result<Ordering, Fault> {
    for ((a, b), (_, direction)) in left.iter().zip(right).zip(fields) {
        let order = if vm.call_values("#operator_<", None, vec![a.clone(), b.clone()])?.truthy() {
            Ordering::Less
        } else if vm.call_values("#operator_>", None, vec![a.clone(), b.clone()])?.truthy() {
            Ordering::Greater
        } else {
            continue;
        };
        return Ok(match direction {
            Direction::Up => order,
            Direction::Down => order.reverse(),
        });
    }
    Ok(Ordering::Equal)
}

type Row = (Vec<Value>, Value);

/// Stable. Not the library's sort: that one may panic when a comparison contradicts itself, and users write these.
fn merge_sort(
    vm: &mut Vm<'_>,
    fields: &[(Lambda, Direction)],
    mut rows: Vec<Row>,
) -> Result<Vec<Row>, Fault> {
    if rows.len() < 2 {
        return Ok(rows);
    }
    let right = rows.split_off(rows.len() / 2);
    let mut out = Vec::with_capacity(rows.len() + right.len());
    let mut left = merge_sort(vm, fields, rows)?.into_iter().peekable();
    let mut right = merge_sort(vm, fields, right)?.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next =
            if compare(vm, fields, &a.0, &b.0)? == Ordering::Greater { right.next() } else { left.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    Ok(out)
}
