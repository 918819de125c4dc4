//! Which functions can be tasks, and what of their arguments is payload and what extractor.
//!
//! The first argument is the payload unless it is an extractor: one whose type is called as one of ours, or that is
//! marked `#[extract]`. `#[payload]` says the opposite. All further arguments are extractors.

use proc_macro2::Ident;
use quote::format_ident;
use syn::{
    Error, FnArg, GenericArgument, ItemFn, Pat, PatType, PathArguments, PathSegment, Result, ReturnType,
    Safety, Signature, Type, parse_quote,
};

/// Types that are extractors wherever they stand.
const EXTRACTORS: [&str; 3] = ["JobContext", "Scheduler", "State"];

/// Types that are never extractors: whoever takes one beside the payload wants a second payload.
const VALUES: [&str; 25] = [
    "bool", "char", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize",
    "f32", "f64", "String", "Vec", "VecDeque", "HashMap", "HashSet", "BTreeMap", "BTreeSet", "Duration",
    "PathBuf",
];

/// Most extractors of a handler.
const MAX_EXTRACTORS: usize = 8;

/// A function that can be a task.
pub(crate) struct Function {
    pub(crate) payload: Type,
    pub(crate) extractors: Vec<Type>,
    /// The task's result.
    pub(crate) result: Type,
    /// Name and type of each argument, for a function that only passes them on.
    pub(crate) arguments: Vec<(Ident, Type)>,
}

/// An argument, and how it is marked.
struct Argument<'a> {
    input: &'a PatType,
    mark: Option<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Payload,
    Extract,
}

impl Function {
    /// Looks at a function, and takes our marks off its arguments; says all that keeps it from being a task.
    pub(crate) fn new(item: &mut ItemFn) -> Result<Self> {
        let mut errors = Errors::default();
        let marks: Vec<_> =
            item.sig.inputs.iter_mut().map(|input| errors.keep(take_mark(input)).flatten()).collect();
        check_signature(&item.sig, &mut errors);
        let result = errors.keep(task_result(&item.sig.output));
        let arguments: Vec<_> = item.sig.inputs.iter().zip(marks).filter_map(typed).collect();
        let (payload, extractors) =
            arguments.split_at(usize::from(arguments.first().is_some_and(is_payload)));
        for argument in &arguments {
            check_type(&argument.input.ty, &mut errors);
        }
        for extractor in extractors {
            check_extractor(extractor, &mut errors);
        }
        if let Some(ninth) = extractors.get(MAX_EXTRACTORS) {
            let message = format!("a task takes its payload and at most {MAX_EXTRACTORS} extractors");
            errors.push(Error::new_spanned(ninth.input, message));
        }
        let function = result.map(|result| Self {
            payload: payload.first().map_or_else(|| parse_quote!(()), |it| (*it.input.ty).clone()),
            extractors: extractors.iter().map(|it| (*it.input.ty).clone()).collect(),
            result,
            arguments: arguments
                .iter()
                .enumerate()
                .map(|(index, it)| it.name_and_type(index, &item.sig))
                .collect(),
        });
        errors.or(function)
    }
}

impl Argument<'_> {
    /// A name that reads well, and does not hide the function.
    fn name_and_type(&self, index: usize, signature: &Signature) -> (Ident, Type) {
        let name = match &*self.input.pat {
            Pat::Ident(name) => Some(&name.ident),
            Pat::TupleStruct(tuple) => match tuple.elems.first() {
                Some(Pat::Ident(name)) if tuple.elems.len() == 1 => Some(&name.ident),
                _ => None,
            },
            _ => None,
        };
        let name = name.filter(|name| **name != signature.ident).cloned();
        let name = name.unwrap_or_else(|| format_ident!("argument_{}", index + 1));
        (name, (*self.input.ty).clone())
    }
}

/// Errors, to be told all at once.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// The errors, or what was made in spite of them.
    fn or<T>(self, made: Option<T>) -> Result<T> {
        match self.0 {
            Some(errors) => Err(errors),
            None => Ok(made.expect("what could not be made left an error")),
        }
    }
}

/// Removes our mark from an argument.
fn take_mark(input: &mut FnArg) -> Result<Option<Mark>> {
    let FnArg::Typed(input) = input else { return Ok(None) };
    let mut marks = Vec::new();
    input.attrs.retain(|attribute| {
        let mark = match attribute.path().get_ident().map(Ident::to_string).as_deref() {
            Some("payload") => Mark::Payload,
            Some("extract") => Mark::Extract,
            _ => return true,
        };
        marks.push((mark, attribute.clone()));
        false
    });
    for (_, attribute) in &marks {
        attribute.meta.require_path_only()?;
    }
    match &marks[..] {
        [_, (_, second), ..] => {
            Err(Error::new_spanned(second, "an argument is either the payload or an extractor"))
        }
        marks => Ok(marks.first().map(|(mark, _)| *mark)),
    }
}

fn typed((input, mark): (&FnArg, Option<Mark>)) -> Option<Argument<'_>> {
    match input {
        FnArg::Typed(input) => Some(Argument { input, mark }),
        FnArg::Receiver(_) => None,
    }
}

/// Whether an argument, being the first, is the payload.
fn is_payload(argument: &Argument<'_>) -> bool {
    match argument.mark {
        Some(mark) => mark == Mark::Payload,
        None => !is_called_one_of(&argument.input.ty, &EXTRACTORS),
    }
}

fn check_signature(signature: &Signature, errors: &mut Errors) {
    let generics = &signature.generics;
    if !generics.params.is_empty() {
        let message = "a task is one handler for one type of payload: its function cannot be generic";
        errors.push(Error::new_spanned(&generics.params, message));
    } else if let Some(clause) = &generics.where_clause {
        errors.push(Error::new_spanned(
            clause,
            "the function of a task is not generic, so it takes no `where`",
        ));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        let message = "a task is called by the scheduler, which cannot keep the promise of an `unsafe fn`";
        errors.push(Error::new_spanned(token, message));
    }
    if let Some(abi) = &signature.abi {
        errors.push(Error::new_spanned(abi, "the function of a task is a Rust function"));
    }
    if let Some(variadic) = &signature.variadic {
        errors.push(Error::new_spanned(variadic, "the function of a task has a fixed number of arguments"));
    }
    if let Some(receiver) = signature.receiver() {
        let message = "a task is a function, not a method: take what it needs as `State<…>`";
        errors.push(Error::new_spanned(receiver, message));
    }
}

fn check_type(ty: &Type, errors: &mut Errors) {
    match bare(ty) {
        Type::Reference(_) => {
            let message = "a task owns its arguments, it may run in another thread or process: take the value itself, \
                           `String` instead of `&str`";
            errors.push(Error::new_spanned(ty, message));
        }
        Type::ImplTrait(_) => {
            errors
                .push(Error::new_spanned(ty, "a task is one handler for one type of payload: name the type"));
        }
        _ => {}
    }
}

fn check_extractor(argument: &Argument<'_>, errors: &mut Errors) {
    let ty = &argument.input.ty;
    let is_value = is_called_one_of(ty, &VALUES) || matches!(bare(ty), Type::Tuple(_) | Type::Array(_));
    if argument.mark == Some(Mark::Payload) {
        errors.push(Error::new_spanned(argument.input, "the payload is the first argument"));
    } else if argument.mark.is_none() && is_value {
        let message = "a task has one payload, its first argument, and this is no extractor: make the payload a struct or \
                       a tuple";
        errors.push(Error::new_spanned(argument.input, message));
    }
}

/// The task's result for what its function returns: the type inside a `Result`, or else the type itself.
fn task_result(output: &ReturnType) -> Result<Type> {
    let ReturnType::Type(_, ty) = output else { return Ok(parse_quote!(())) };
    match bare(ty) {
        Type::ImplTrait(_) => {
            let message = "the result of a task is stored and read back: name its type, and write `async fn` instead of \
                           returning a future";
            Err(Error::new_spanned(ty, message))
        }
        Type::Never(_) => Err(Error::new_spanned(ty, "a task ends: return a value")),
        _ => match last_segment(ty).filter(|segment| segment.ident == "Result") {
            None => Ok((**ty).clone()),
            Some(segment) => Ok(first_type_argument(segment).cloned().unwrap_or_else(|| parse_quote!(()))),
        },
    }
}

fn first_type_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn is_called_one_of(ty: &Type, names: &[&str]) -> bool {
    last_segment(ty).is_some_and(|segment| names.iter().any(|name| segment.ident == name))
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// The type without parentheses around it.
fn bare(mut ty: &Type) -> &Type {
    while let Type::Paren(syn::TypeParen { elem, .. }) | Type::Group(syn::TypeGroup { elem, .. }) = ty {
        ty = elem;
    }
    ty
}
