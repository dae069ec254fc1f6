//! Exclusive canonical form without comments ([Exclusive XML Canonicalization]), without a line of the code that is tested.

use roxmltree::{Attribute, Node};

/// A prefix, none where it is empty, and the namespace that it was written out for.
type Rendered<'a> = Vec<(&'a str, &'a str)>;

/// The canonical form of an element, without a list of inclusive prefixes.
pub fn exclusive(apex: Node<'_, '_>) -> String {
    let mut out = String::new();
    element(apex, &mut Rendered::new(), &mut out);
    out
}

fn element<'a>(node: Node<'a, '_>, rendered: &mut Rendered<'a>, out: &mut String) {
    let name = written(node, node.range().start + 1);
    let mut attributes: Vec<Attribute<'_, '_>> = node.attributes().collect();
    attributes.sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));

    let attribute_name = |attribute: &Attribute<'_, '_>| written(node, attribute.range_qname().start);
    let mut used: Vec<&str> = vec![prefix(name).unwrap_or_default()];
    used.extend(attributes.iter().filter_map(|attribute| prefix(attribute_name(attribute))));
    used.sort_unstable();
    used.dedup();
    let before = rendered.len();
    out.extend(["<", name]);
    for used in used.into_iter().filter(|used| *used != "xml") {
        let namespace = node.lookup_namespace_uri((!used.is_empty()).then_some(used)).unwrap_or_default();
        let known = rendered.iter().rev().find(|(prefix, _)| *prefix == used).map_or("", |(_, namespace)| namespace);
        if known == namespace {
            continue;
        }
        rendered.push((used, namespace));
        out.push_str(if used.is_empty() { " xmlns" } else { " xmlns:" });
        out.extend([used, "=\""]);
        escape(namespace, true, out);
        out.push('"');
    }
    for attribute in &attributes {
        out.extend([" ", attribute_name(attribute), "=\""]);
        escape(attribute.value(), true, out);
        out.push('"');
    }
    out.push('>');
    for child in node.children() {
        if child.is_element() {
            element(child, rendered, out);
        } else if let (true, Some(text)) = (child.is_text(), child.text()) {
            escape(text, false, out);
        }
    }
    out.extend(["</", name, ">"]);
    rendered.truncate(before);
}

/// The qualified name that is written there.
fn written<'a>(node: Node<'a, '_>, at: usize) -> &'a str {
    let rest = &node.document().input_text()[at..];
    let end = rest.find(|character: char| character.is_ascii_whitespace() || matches!(character, '=' | '/' | '>'));
    &rest[..end.unwrap_or(rest.len())]
}

fn prefix(name: &str) -> Option<&str> {
    name.split_once(':').map(|(prefix, _)| prefix)
}

fn escape(text: &str, attribute: bool, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' if !attribute => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\t' if attribute => out.push_str("&#x9;"),
            '\n' if attribute => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    #[test]
    fn only_what_is_used_is_written() {
        for (source, local, canonical) in [
            (
                "<n0:local xmlns:n0='foo:bar' xmlns:n3='ftp://example.org'><n1:elem2 xmlns:n1='http://example.net' \
                 xml:lang='en'><n3:stuff xmlns:n3='ftp://example.org'/></n1:elem2></n0:local>",
                "elem2",
                "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\">\
                 <n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>",
            ),
            (
                "<a xmlns='urn:d' xmlns:p='urn:p' c='&quot;&#9;' p:b='&lt;>'><b xmlns=''><!--x--><![CDATA[<&]]>&#13;></b></a>",
                "a",
                "<a xmlns=\"urn:d\" xmlns:p=\"urn:p\" c=\"&quot;&#x9;\" p:b=\"&lt;>\"><b xmlns=\"\">&lt;&amp;&#xD;&gt;</b></a>",
            ),
            (
                "<p:a xmlns:p='urn:1'><p:b xmlns:p='urn:2'><p:c xmlns:p='urn:1'/></p:b><p:d /></p:a>",
                "a",
                "<p:a xmlns:p=\"urn:1\"><p:b xmlns:p=\"urn:2\"><p:c xmlns:p=\"urn:1\"></p:c></p:b><p:d></p:d></p:a>",
            ),
        ] {
            let document = Document::parse(source).unwrap();
            let apex = document.descendants().find(|node| node.tag_name().name() == local).unwrap();
            assert_eq!(exclusive(apex), canonical);
        }
    }
}
