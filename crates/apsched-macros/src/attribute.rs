//! What stands in `#[task(…)]`: the task's name and its settings.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path, Result, Token, braced, token};

use crate::{duration, name};

const NAMES: &str = "`id`, `max_running_jobs`, `misfire_grace_time`, `timeout`, `retry`, `priority`, `job_executor`, \
                     `metadata` or `crate`";

/// The attribute's content.
#[derive(Default)]
pub(crate) struct Attribute {
    pub(crate) id: Option<LitStr>,
    /// The crate that has the scheduler; `None`: the facade.
    pub(crate) krate: Option<Path>,
    pub(crate) settings: Vec<Setting>,
}

/// One setting: the method of `TaskSettings` that takes it, and its value.
pub(crate) struct Setting {
    method: Ident,
    value: Value,
}

enum Value {
    Text(LitStr),
    Duration(LitStr, std::time::Duration),
    Count(u32, proc_macro2::Span),
    /// No limit; of a type that the compiler cannot guess.
    None(proc_macro2::Span),
    Json(TokenStream),
    Expression(Expr),
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attribute = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let name = parse_setting_name(input)?;
            if seen.contains(&name) {
                return Err(syn::Error::new(name.span(), format!("`{name}` is given twice")));
            }
            input.parse::<Token![=]>()?;
            attribute.parse_value(&name, input)?;
            seen.push(name);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(attribute)
    }
}

impl Attribute {
    fn parse_value(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        let value = match name.to_string().as_str() {
            "id" => {
                self.id = Some(parse_name(input, "a task's name")?);
                return Ok(());
            }
            "crate" => {
                let text = parse_text(input, "a path such as \"apsched\"")?;
                let path = text.parse_with(Path::parse_mod_style);
                self.krate = Some(path.map_err(|_| {
                    syn::Error::new(text.span(), "expected the path of a crate, such as \"apsched\"")
                })?);
                return Ok(());
            }
            "job_executor" => Value::Text(parse_name(input, "an executor's name")?),
            "misfire_grace_time" | "timeout" => parse_duration(input)?,
            "max_running_jobs" | "retry" => parse_count(input)?,
            "priority" => Value::Expression(input.parse()?),
            "metadata" => parse_metadata(input)?,
            _ => {
                let message = format!("unknown setting `{name}`: expected {NAMES}");
                return Err(syn::Error::new(name.span(), message));
            }
        };
        self.settings.push(Setting { method: name.clone(), value });
        Ok(())
    }
}

fn parse_setting_name(input: ParseStream<'_>) -> Result<Ident> {
    if input.peek(Ident::peek_any) && input.peek2(Token![=]) {
        return input.call(Ident::parse_any);
    }
    Err(input.error(format!("expected `name = value`, the name being {NAMES}")))
}

fn parse_text(input: ParseStream<'_>, expected: &str) -> Result<LitStr> {
    let value: Expr = input.parse()?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text),
        other => Err(syn::Error::new_spanned(other, format!("expected {expected}, as text"))),
    }
}

fn parse_name(input: ParseStream<'_>, expected: &str) -> Result<LitStr> {
    let text = parse_text(input, expected)?;
    name::check(&text.value())
        .map_err(|problem| syn::Error::new(text.span(), format!("{expected}: {problem}")))?;
    Ok(text)
}

fn parse_duration(input: ParseStream<'_>) -> Result<Value> {
    let value: Expr = input.parse()?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            let duration = duration::parse(&text.value()).map_err(|it| syn::Error::new(text.span(), it))?;
            Ok(Value::Duration(text, duration))
        }
        Expr::Lit(ExprLit { lit: number @ (Lit::Int(_) | Lit::Float(_)), .. }) => {
            Err(syn::Error::new(number.span(), "a duration needs a unit: \"30s\", \"5m\", \"1h30m\""))
        }
        other => Ok(none_or(other)),
    }
}

fn parse_count(input: ParseStream<'_>) -> Result<Value> {
    let value: Expr = input.parse()?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            let count = number.base10_parse().map_err(|_| {
                syn::Error::new(number.span(), format!("expected a whole number up to {}", u32::MAX))
            })?;
            Ok(Value::Count(count, number.span()))
        }
        other => Ok(none_or(other)),
    }
}

fn none_or(value: Expr) -> Value {
    match &value {
        Expr::Path(path) if path.path.is_ident("None") => Value::None(value.span()),
        _ => Value::Expression(value),
    }
}

fn parse_metadata(input: ParseStream<'_>) -> Result<Value> {
    if !input.peek(token::Brace) {
        return Ok(Value::Expression(input.parse()?));
    }
    let object;
    braced!(object in input);
    Ok(Value::Json(object.parse()?))
}

impl Setting {
    /// The call of the method, with `generated` as the path of what generated code refers to.
    pub(crate) fn call(&self, generated: &TokenStream) -> TokenStream {
        let method = &self.method;
        let argument = match &self.value {
            Value::Text(name) => {
                quote! { #generated::ExecutorName::new(#name).expect("checked at compile time") }
            }
            Value::Duration(text, duration) => {
                let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
                quote_spanned! { text.span() => ::core::time::Duration::from_micros(#micros) }
            }
            Value::Count(attempts, span) if method == "retry" => {
                quote_spanned! { *span => #generated::Retry::exponential(#attempts) }
            }
            Value::Count(count, span) => quote_spanned! { *span => #count },
            Value::None(span) if method == "max_running_jobs" => {
                quote_spanned! { *span => ::core::option::Option::<u32>::None }
            }
            Value::None(span) if method == "retry" => quote_spanned! { *span => #generated::Retry::none() },
            Value::None(span) => {
                quote_spanned! { *span => ::core::option::Option::<::core::time::Duration>::None }
            }
            Value::Json(object) => quote! { #generated::metadata(#generated::json!({ #object }))? },
            Value::Expression(expression) => quote! { #expression },
        };
        quote! { .#method(#argument) }
    }
}
