//! A reverse proxy that holds a secure conversation on behalf of services that cannot.
