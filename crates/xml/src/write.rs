//! Writing messages in exclusive canonical form.

use std::ops::Range;

use crate::{Document, NodeId, Sink};

/// Writes.
#[derive(Default)]
pub struct Writer {
    out: Vec<u8>,
}
#[allow(missing_docs, unused_variables, clippy::all, clippy::pedantic)]
impl Writer {
    pub fn new() -> Self { Self::default() }
    pub fn apex(&mut self) { todo!() }
    pub fn start(&mut self, prefix: &str, namespace: &str, local: &str) { todo!() }
    pub fn attribute(&mut self, local: &str, value: &str) { todo!() }
    pub fn attribute_ns(&mut self, prefix: &str, namespace: &str, local: &str, value: &str) { todo!() }
    pub fn declare(&mut self, prefix: &str, namespace: &str) { todo!() }
    pub fn text(&mut self, text: &str) { todo!() }
    pub fn text_with(&mut self, fill: impl FnOnce(&mut Vec<u8>)) { todo!() }
    pub fn end(&mut self) { todo!() }
    pub fn copy(&mut self, document: &Document, node: NodeId) { todo!() }
    pub fn copy_children(&mut self, document: &Document, parent: NodeId) { todo!() }
    pub fn copy_with(&mut self, document: &Document, node: NodeId, prefix: &str, namespace: &str, local: &str, value: &str) { todo!() }
    pub fn piece(&mut self, other: &Writer, range: Range<usize>) { todo!() }
    pub fn position(&mut self) -> usize { todo!() }
    pub fn bytes(&self) -> &[u8] { &self.out }
    pub fn into_bytes(self) -> Vec<u8> { self.out }
    pub fn canonical(&self, range: Range<usize>, sink: &mut impl Sink) { todo!() }
}
