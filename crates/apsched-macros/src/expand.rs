//! What is written in place of a function marked `#[task]`.
//!
//! ```text
//! #[task] async fn greet(name: String) -> String { … }
//!
//!   ── becomes ──
//!
//! struct greet;
//! const _: () = {
//!     async fn greet(name: String) -> String { … }        as it was written
//!     impl greet { const TASK; async fn call(…) }
//!     impl TaskRef for greet { … }
//!     impl<S> TaskFunction<S> for greet where … { … }      for each state that has what the extractors need
//! };
//! ```
//!
//! What the user writes in the attribute and in the types is resolved where our names are in sight, so ours begin with
//! two underscores.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{
    Attribute as RustAttribute, Error, Item, ItemFn, LitStr, Result, Signature, Visibility, parse_quote,
};

use crate::attribute::Attribute;
use crate::function::Function;

/// The expansion; or the errors, and the item without our marks.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let attribute = syn::parse2::<Attribute>(attribute);
    match syn::parse2::<Item>(item) {
        Ok(Item::Fn(mut item)) => {
            let function = Function::new(&mut item);
            match both(attribute, function) {
                Ok((attribute, function)) => generate(&attribute, &item, &function),
                Err(errors) => with_errors(&item, &errors),
            }
        }
        Ok(other) => {
            let error = Error::new_spanned(&other, "`#[task]` stands before a function: `async fn` or `fn`");
            with_errors(&other, &error)
        }
        Err(error) => error.to_compile_error(),
    }
}

fn both(attribute: Result<Attribute>, function: Result<Function>) -> Result<(Attribute, Function)> {
    match (attribute, function) {
        (Ok(attribute), Ok(function)) => Ok((attribute, function)),
        (Err(mut error), Err(other)) => {
            error.combine(other);
            Err(error)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// The item stays, so that there are no further errors where it is used.
fn with_errors(item: &impl ToTokens, errors: &Error) -> TokenStream {
    let errors = errors.to_compile_error();
    quote! { #item #errors }
}

fn generate(attribute: &Attribute, item: &ItemFn, function: &Function) -> TokenStream {
    let Function { payload, extractors, result, arguments } = function;
    let ItemFn { attrs, vis, sig, .. } = item;
    let name = &sig.ident;
    let krate = attribute.krate.clone().unwrap_or_else(|| parse_quote!(::apsched));
    let generated = quote! { #krate::__macro };
    let id = attribute.id.clone().unwrap_or_else(|| LitStr::new(&name.unraw().to_string(), name.span()));
    let documentation = attrs.iter().filter(|it| it.path().is_ident("doc"));
    let conditions: Vec<_> = attrs.iter().filter(|it| it.path().is_ident("cfg")).collect();
    let task_doc = format!("The task {:?}.", id.value());
    let call = call(vis, sig, arguments);
    let add =
        if sig.asyncness.is_some() { format_ident!("add_async") } else { format_ident!("add_blocking") };
    let settings = attribute.settings.iter().map(|setting| setting.call(&generated));
    let add = quote_spanned! { name.span() => #generated::#add(__tasks, Self::TASK, #name, __settings()) };
    let original = original(item);

    quote! {
        #(#documentation)*
        #(#conditions)*
        #[allow(non_camel_case_types)]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #name;

        #(#conditions)*
        const _: () = {
            #original

            impl #name {
                #[doc = #task_doc]
                #[allow(dead_code)]
                #vis const TASK: #generated::Task<#payload, #result> = #generated::Task::new(#id);

                #call
            }

            impl #generated::TaskRef for #name {
                type Payload = #payload;
                type Output = #result;

                fn task(&self) -> #generated::Task<#payload, #result> {
                    Self::TASK
                }
            }

            impl<__State> #generated::TaskFunction<__State> for #name
            where
                __State: ::core::marker::Send + ::core::marker::Sync + 'static,
                #(#extractors: #generated::FromJob<__State>,)*
            {
                fn add_to(self, __tasks: #generated::Tasks<__State>) -> #generated::Tasks<__State> {
                    fn __settings() -> ::core::result::Result<#generated::TaskSettings, #generated::MetadataError> {
                        ::core::result::Result::Ok(#generated::TaskSettings::new() #(#settings)*)
                    }
                    #add
                }
            }
        };
    }
}

/// The function as it was written, private to the block in which it stands.
fn original(item: &ItemFn) -> ItemFn {
    let moved =
        |attribute: &RustAttribute| attribute.path().is_ident("doc") || attribute.path().is_ident("cfg");
    let mut original = item.clone();
    original.attrs.retain(|attribute| !moved(attribute));
    original.vis = Visibility::Inherited;
    original
}

/// An associated function that passes its arguments on to the function.
fn call(vis: &Visibility, signature: &Signature, arguments: &[(syn::Ident, syn::Type)]) -> TokenStream {
    let name = &signature.ident;
    let (asyncness, output) = (&signature.asyncness, &signature.output);
    let names = arguments.iter().map(|(name, _)| name);
    let parameters = arguments.iter().map(|(name, ty)| quote! { #name: #ty });
    let wait = asyncness.map(|_| quote! { .await });
    quote! {
        /// Calls the function itself, without a scheduler, as a test does.
        #[allow(dead_code, clippy::too_many_arguments)]
        #vis #asyncness fn call(#(#parameters),*) #output {
            #name(#(#names),*) #wait
        }
    }
}
