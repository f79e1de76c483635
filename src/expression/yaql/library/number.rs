use super::super::fault::Fault;
use super::super::spec::{Args, Res};
use super::super::value::Value;
use super::super::vm::Vm;
use super::operators::overflow;
use super::{Table, operators};

pub(super) fn add(table: &mut Table) {
    table.function("abs", "op:num", |_, a| match a.value(0)? {
        Value::Int(it) => it.checked_abs().map(Value::Int).ok_or_else(overflow),
        Value::Float(it) => Ok(Value::Float(it.abs())),
        other => Ok(other),
    });
    table.function("int", "value", |_, a| int(&a.value(0)?));
    table.function("float", "value", |_, a| float(&a.value(0)?));
    table.function("random", "", |vm, _| Ok(Value::Float(vm.random_unit())));
    table.function("random", "from:any to:any", random_between);
    table.function("bitwiseAnd", "left:int right:int", |_, a| Ok(Value::Int(a.int(0)? & a.int(1)?)));
    table.function("bitwiseOr", "left:int right:int", |_, a| Ok(Value::Int(a.int(0)? | a.int(1)?)));
    table.function("bitwiseXor", "left:int right:int", |_, a| Ok(Value::Int(a.int(0)? ^ a.int(1)?)));
    table.function("bitwiseNot", "arg:int", |_, a| Ok(Value::Int(!a.int(0)?)));
    table.function("shiftBitsRight", "value:int bitsNumber:int", |_, a| {
        let bits = u32::try_from(a.int(1)?).map_err(|_| Fault::value("negative shift count"))?;
        Ok(Value::Int(a.int(0)? >> bits.min(127)))
    });
    table.function("shiftBitsLeft", "value:int bitsNumber:int", |_, a| {
        let bits = u32::try_from(a.int(1)?).map_err(|_| Fault::value("negative shift count"))?;
        let factor = 2_i128.checked_pow(bits).ok_or_else(overflow)?;
        a.int(0)?.checked_mul(factor).map(Value::Int).ok_or_else(overflow)
    });
    table.function("max", "a:any b:any", |vm, a| pick(vm, &a, true));
    table.function("min", "a:any b:any", |vm, a| pick(vm, &a, false));
    table.function("pow", "a:num b:num c:num?=null", power);
    table.function("sign", "num:num", |_, a| {
        let it = as_float(&a.value(0)?);
        Ok(Value::Int(if it > 0.0 {
            1
        } else if it < 0.0 {
            -1
        } else {
            0
        }))
    });
    table.function("round", "number:num ndigits:int=0", |_, a| round(&a.value(0)?, a.int(1)?));
    table.function("isInteger", "value", |_, a| Ok(Value::Bool(matches!(a.value(0)?, Value::Int(_)))));
    table.function("isNumber", "value", |_, a| {
        Ok(Value::Bool(matches!(a.value(0)?, Value::Int(_) | Value::Float(_))))
    });
    table.function("bool", "value", |_, a| Ok(Value::Bool(a.value(0)?.truthy())));
    table.function("isBoolean", "value", |_, a| Ok(Value::Bool(matches!(a.value(0)?, Value::Bool(_)))));
}

pub(super) fn as_float(value: &Value) -> f64 {
    match value {
        Value::Int(it) => *it as f64,
        Value::Float(it) => *it,
        Value::Bool(it) => f64::from(u8::from(*it)),
        _ => f64::NAN,
    }
}

/// Between two numbers; `None`: one of them is none.
pub(super) fn arithmetic(name: &str, left: &Value, right: &Value) -> Option<Res> {
    let zero = |text: &str| Err(Fault::new("ZeroDivisionError", text));
    Some(match (left, right) {
        (Value::Int(a), Value::Int(b)) => {
            let result = match name {
                "#operator_+" => a.checked_add(*b),
                "#operator_-" => a.checked_sub(*b),
                "#operator_*" => a.checked_mul(*b),
                _ if *b == 0 => return Some(zero("integer division or modulo by zero")),
                // Python rounds down, not towards zero.
                "#operator_/" => {
                    a.checked_div(*b).map(|it| if a % b != 0 && (*a < 0) != (*b < 0) { it - 1 } else { it })
                }
                _ => a.checked_rem(*b).map(|it| if it != 0 && (it < 0) != (*b < 0) { it + b } else { it }),
            };
            result.map(Value::Int).ok_or_else(overflow)
        }
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            let (a, b) = (as_float(left), as_float(right));
            Ok(Value::Float(match name {
                "#operator_+" => a + b,
                "#operator_-" => a - b,
                "#operator_*" => a * b,
                "#operator_/" if b == 0.0 => return Some(zero("float division by zero")),
                "#operator_/" => a / b,
                _ if b == 0.0 => return Some(zero("float modulo")),
                _ => {
                    let rest = a % b;
                    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
                }
            }))
        }
        _ => return None,
    })
}

fn pick(vm: &mut Vm<'_>, args: &Args, largest: bool) -> Res {
    let (a, b) = (args.value(0)?, args.value(1)?);
    let b_larger = operators::binary(vm, "#operator_>", b.clone(), a.clone())?.truthy();
    Ok(if b_larger == largest { b } else { a })
}

fn int(value: &Value) -> Res {
    Ok(Value::Int(match value {
        Value::Null => 0,
        Value::Bool(it) => i128::from(*it),
        Value::Int(it) => *it,
        Value::Float(it) if it.is_nan() => return Err(Fault::value("cannot convert float NaN to integer")),
        Value::Float(it) if it.is_infinite() => {
            return Err(Fault::new("OverflowError", "cannot convert float infinity to integer"));
        }
        Value::Float(it) if it.abs() > 1e38 => return Err(overflow()),
        Value::Float(it) => *it as i128,
        Value::Text(text) => {
            let digits = number_text(text);
            let digits = digits.strip_prefix('+').filter(|it| !it.starts_with('-')).unwrap_or(&digits);
            digits.parse().map_err(|_| {
                Fault::value(format!("invalid literal for int() with base 10: {}", value.repr()))
            })?
        }
        other => {
            return Err(Fault::kind(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                other.class()
            )));
        }
    }))
}

/// Python lets underscores stand between digits.
fn number_text(text: &str) -> String {
    let text = text.trim();
    let chars: Vec<char> = text.chars().collect();
    let between = |at: usize| {
        let digit = |it: Option<&char>| it.is_some_and(char::is_ascii_digit);
        at > 0 && digit(chars.get(at - 1)) && digit(chars.get(at + 1))
    };
    chars.iter().enumerate().filter(|(at, it)| **it != '_' || !between(*at)).map(|(_, it)| *it).collect()
}

fn float(value: &Value) -> Res {
    Ok(Value::Float(match value {
        Value::Null => 0.0,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => as_float(value),
        Value::Text(text) => number_text(text)
            .parse()
            .map_err(|_| Fault::value(format!("could not convert string to float: {}", value.repr())))?,
        other => {
            return Err(Fault::kind(format!(
                "float() argument must be a string or a real number, not '{}'",
                other.class()
            )));
        }
    }))
}

fn random_between(vm: &mut Vm<'_>, args: Args) -> Res {
    match (args.value(0)?, args.value(1)?) {
        (Value::Int(from), Value::Int(to)) => {
            let width = to.checked_sub(from).filter(|it| *it >= 0).and_then(|it| u64::try_from(it).ok());
            let width =
                width.ok_or_else(|| Fault::value(format!("empty range for randint({from}, {to})")))?;
            let drawn = match width.checked_add(1) {
                Some(count) => vm.random() % count,
                None => vm.random(),
            };
            Ok(Value::Int(from + i128::from(drawn)))
        }
        _ => Err(Fault::kind("randint() takes integers")),
    }
}

fn power(_: &mut Vm<'_>, args: Args) -> Res {
    let too_large = || Fault::new("OverflowError", "(34, 'Numerical result out of range')");
    match (args.value(0)?, args.value(1)?, args.value(2)?) {
        (Value::Int(a), Value::Int(b), Value::Int(m)) if b >= 0 => {
            if m == 0 {
                return Err(Fault::value("pow() 3rd argument cannot be 0"));
            }
            modular_power(a, b, m)
        }
        (Value::Int(a), Value::Int(b), Value::Null) if b >= 0 => {
            let exponent = u32::try_from(b).map_err(|_| overflow());
            match (a, exponent) {
                (0 | 1, _) => Ok(Value::Int(if b == 0 { 1 } else { a })),
                (_, exponent) => a.checked_pow(exponent?).map(Value::Int).ok_or_else(overflow),
            }
        }
        (a, b, Value::Null) => {
            let result = as_float(&a).powf(as_float(&b));
            if result.is_finite() { Ok(Value::Float(result)) } else { Err(too_large()) }
        }
        _ => Err(Fault::kind("pow() 3rd argument not allowed unless all arguments are integers")),
    }
}

fn modular_power(base: i128, exponent: i128, modulus: i128) -> Res {
    let reduce =
        |a: i128, b: i128| a.checked_mul(b).map(|it| it.rem_euclid(modulus.abs())).ok_or_else(overflow);
    let (mut result, mut square, mut left) = (reduce(1, 1)?, reduce(base, 1)?, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result = reduce(result, square)?;
        }
        left >>= 1;
        if left > 0 {
            square = reduce(square, square)?;
        }
    }
    Ok(Value::Int(if modulus < 0 && result > 0 { result + modulus } else { result }))
}

fn round(value: &Value, digits: i128) -> Res {
    let digits = i32::try_from(digits.clamp(-400, 400)).unwrap_or(0);
    match value {
        Value::Int(it) if digits >= 0 => Ok(Value::Int(*it)),
        Value::Int(it) => {
            let Some(unit) = 10_i128.checked_pow(digits.unsigned_abs()) else { return Ok(Value::Int(0)) };
            let (down, rest) = (it.div_euclid(unit), it.rem_euclid(unit));
            // Halves go to the even neighbour.
            let up = rest * 2 > unit || (rest * 2 == unit && down % 2 != 0);
            (down + i128::from(up)).checked_mul(unit).map(Value::Int).ok_or_else(overflow)
        }
        other => {
            let it = as_float(other);
            let rounded = match usize::try_from(digits) {
                Ok(digits) => format!("{it:.digits$}").parse().unwrap_or(it),
                Err(_) => {
                    let unit = 10_f64.powi(-digits);
                    (it / unit).round_ties_even() * unit
                }
            };
            Ok(Value::Float(rounded))
        }
    }
}

impl Vm<'_> {
    /// Splitmix64 over the recorded seed: replay draws the same numbers.
    pub(super) fn random(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(1);
        let seed = self.scope.map_or(0, |scope| scope.host.seed);
        let mut it = seed.wrapping_add(self.draws.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    fn random_unit(&mut self) -> f64 {
        (self.random() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
