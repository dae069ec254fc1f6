//! XML Signature and XML Encryption over one document.
