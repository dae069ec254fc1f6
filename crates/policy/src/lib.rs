//! What a route demands and whom it admits: the WS-SecurityPolicy model, with YAML, presets and WSDL as ways in and out.
