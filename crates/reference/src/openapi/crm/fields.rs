//! The two bodies that most resources have: one that makes it, one that changes it.

/// Writes both: they have the same fields, but only the first must have a name.
macro_rules! input_and_change {
    (
        $(#[$of_input:meta])* $input:ident,
        $(#[$of_change:meta])* $change:ident,
        { $($(#[$of_field:meta])* $field:ident: $kind:ty,)* }
    ) => {
        $(#[$of_input])*
        #[derive(ToSchema)]
        pub struct $input {
            /// Must say something: white space alone is blank.
            #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
            pub name: String,
            $($(#[$of_field])* pub $field: $kind,)*
        }

        $(#[$of_change])*
        #[derive(ToSchema)]
        pub struct $change {
            /// Must say something: white space alone is blank.
            #[schema(required = false, min_length = 1, max_length = 255, pattern = r"\S")]
            pub name: String,
            $($(#[$of_field])* pub $field: $kind,)*
        }
    };
}

pub(super) use input_and_change;
