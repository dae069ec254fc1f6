//! Bodies of requests, made from contracts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use nuncio_policy::model::SoapVersion;
use nuncio_policy::request::{self, Need, NotMade, Request, Settable};
use nuncio_policy::wsdl::Documents;

/// A contract with operations `Ask` in document style, and `Call` in rpc style, and those schemas.
fn contract(schemas: &str) -> String {
    format!(
        "<definitions targetNamespace='urn:w' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:w='urn:w' xmlns:t='urn:t' xmlns:xs='http://www.w3.org/2001/XMLSchema' \
         xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/' xmlns:s12='http://schemas.xmlsoap.org/wsdl/soap12/'>\
         <types>{schemas}</types>\
         <message name='Ask'><part name='p' element='t:Ask'/><part name='h' element='t:Header'/></message><message name='None'/>\
         <message name='Call'><part name='count' type='xs:int'/><part name='order' type='t:Order'/></message>\
         <message name='Typed'><part name='p' type='xs:int'/></message>\
         <portType name='P'><operation name='Ask'><input message='w:Ask'/><output message='w:None'/></operation>\
         <operation name='Ping'><input message='w:None'/></operation>\
         <operation name='Call'><input message='w:Call'/></operation>\
         <operation name='Typed'><input message='w:Typed'/></operation>\
         <operation name='Both'><input message='w:Ask'/></operation>\
         <operation name='Old'><input message='w:Call'/></operation>\
         <operation name='Tells'><output message='w:None'/></operation></portType>\
         <binding name='B' type='w:P'><s:binding transport='http://schemas.xmlsoap.org/soap/http'/>\
         <operation name='Ask'><s:operation soapAction='urn:ask'/><input><s:body parts='p' use='literal'/></input></operation>\
         <operation name='Ping'><input><s:body use='literal'/></input></operation>\
         <operation name='Call'><s:operation style='rpc'/><input><s:body namespace='urn:rpc' use='literal'/></input></operation>\
         <operation name='Typed'><input><s:body use='literal'/></input></operation>\
         <operation name='Both'><input><s:body use='literal'/></input></operation>\
         <operation name='Old'><s:operation style='rpc'/><input><s:body use='encoded'/></input></operation>\
         <operation name='Tells'><output><s:body use='literal'/></output></operation></binding>\
         <binding name='C' type='w:P'><s12:binding transport='http://schemas.xmlsoap.org/soap/http'/>\
         <operation name='Ping'><s12:operation soapAction=''/><input><s12:body use='literal'/></input></operation></binding>\
         <binding name='D' type='w:P'/>\
         <service name='S'><port name='One' binding='w:B'/><port name='Two' binding='w:C'/><port name='Post' binding='w:D'/></service></definitions>"
    )
}

fn schema(content: &str) -> String {
    format!(
        "<xs:schema xmlns='urn:t' targetNamespace='urn:t' elementFormDefault='qualified'>{content}\
         <xs:complexType name='Order'><xs:sequence><xs:element name='id' type='xs:int'/></xs:sequence></xs:complexType></xs:schema>"
    )
}

/// A schema whose element `Ask` has that within its sequence.
fn asking(sequence: &str, more: &str) -> String {
    let ask = format!(
        "<xs:element name='Ask'><xs:complexType><xs:sequence>{sequence}</xs:sequence></xs:complexType></xs:element>"
    );
    schema(&(ask + more))
}

fn documents(text: &str) -> Documents {
    Documents::new("c.wsdl", text.as_bytes()).unwrap()
}

/// The body of `Ask` with those settings, its namespaces in short.
fn ask(schemas: &str, settings: &[(&str, &str)]) -> Result<String, String> {
    made(&documents(&contract(schemas)), "Ask", settings).map_err(|error| error.to_string())
}

fn made(documents: &Documents, operation: &str, settings: &[(&str, &str)]) -> Result<String, NotMade> {
    Request::new(documents, None, operation)?.body(settings)
}

/// What is within the body's element, where its namespace is the first.
fn within(schemas: &str, settings: &[(&str, &str)]) -> String {
    let body = ask(schemas, settings).unwrap_or_else(|error| panic!("{error}"));
    let inner = body.strip_prefix("<n1:Ask xmlns:n1=\"urn:t\">").and_then(|rest| rest.strip_suffix("</n1:Ask>"));
    inner.unwrap_or_else(|| panic!("{body}")).replace("n1:", "")
}

fn refused(schemas: &str, settings: &[(&str, &str)]) -> String {
    ask(schemas, settings).unwrap_err()
}

fn describe(schemas: &str) -> Vec<Settable> {
    let documents = documents(&contract(schemas));
    Request::new(&documents, None, "Ask").unwrap().settable().unwrap()
}

/// Path, type and need of each.
fn listed(schemas: &str) -> Vec<String> {
    let line = |one: &Settable| {
        let need = match &one.need {
            Need::Always => "!".to_owned(),
            Need::With(path) => format!("!{path}"),
            Need::Never => String::new(),
            Need::OneOf(names) => names.join("|"),
        };
        let more = if one.recurs { "…" } else { "" };
        format!("{} {} {need}{}{more}", one.path, one.type_name, if one.repeats { "*" } else { "" })
    };
    describe(schemas).iter().map(line).collect()
}

#[test]
fn what_may_be_asked_for() {
    let documents = documents(&contract(&asking("", "")));
    let listed = request::operations(&documents).unwrap();
    let lines: Vec<_> =
        listed.iter().map(|one| (&*one.port, &*one.name, one.soap_action.as_deref(), one.answered)).collect();
    assert_eq!(
        lines,
        [
            ("One", "Ask", Some("urn:ask"), true),
            ("One", "Ping", None, false),
            ("One", "Call", None, false),
            ("One", "Typed", None, false),
            ("One", "Both", None, false),
            ("One", "Old", None, false),
            ("Two", "Ping", Some(""), false),
        ],
        "not what the service begins, nor what is not for SOAP"
    );
    assert_eq!((listed[0].soap, listed[6].soap), (SoapVersion::V11, SoapVersion::V12));
    let error = |port, operation| Request::new(&documents, port, operation).map(drop).unwrap_err().to_string();
    assert_eq!(error(None, "ask"), "no operation is called ask: there is Ask, Ping, Call, Typed, Both, Old");
    assert_eq!(error(Some("Two"), "Ask"), "no operation is called Ask: there is Ping");
    assert_eq!(error(Some("Post"), "Ask"), "no port for SOAP is called Post: there is One, Two");
    assert_eq!(error(None, "Typed"), "Typed: a body that is of a type is not built yet");
    assert_eq!(error(None, "Both"), "Both: a body of several parts is not built yet");
    assert_eq!(error(None, "Old"), "Old: a body in the encoding of SOAP is not built yet");
}

#[test]
fn a_body_of_nothing_and_a_body_of_parts() {
    let documents = documents(&contract(&asking("", "")));
    assert_eq!(made(&documents, "Ping", &[]).unwrap(), "");
    let error = made(&documents, "Ping", &[("x", "1")]).unwrap_err().to_string();
    assert_eq!(error, "there is no x: there is nothing to be set");
    assert_eq!(
        made(&documents, "Call", &[("order/id", "7"), ("count", "2")]).unwrap(),
        "<n1:Call xmlns:n1=\"urn:rpc\"><count>2</count><order><n2:id xmlns:n2=\"urn:t\">7</n2:id></order></n1:Call>"
    );
    let error = made(&documents, "Call", &[]).unwrap_err().to_string();
    assert_eq!(error, "count (xs:int), order/id (xs:int) must be set");
    let settable = Request::new(&documents, None, "Call").unwrap().settable().unwrap();
    assert_eq!(settable.iter().map(|one| &*one.path).collect::<Vec<_>>(), ["count", "order/id"]);
}

#[test]
fn elements_come_in_the_order_of_the_schema() {
    let schema = asking(
        "<xs:element name='a' type='xs:string'/><xs:element name='b' type='xs:int' minOccurs='0'/>\
         <xs:element name='c' type='xs:string' minOccurs='0' maxOccurs='unbounded'/>",
        "",
    );
    assert_eq!(within(&schema, &[("c", "1"), ("b", "2"), ("c", "3"), ("a", "4")]), "<a>4</a><b>2</b><c>1</c><c>3</c>");
    assert_eq!(within(&schema, &[("a", "")]), "<a></a>", "what may be left out is");
    assert_eq!(within(&schema, &[("a", "<&>\"\r")]), "<a>&lt;&amp;&gt;\"&#xD;</a>");
    assert_eq!(refused(&schema, &[]), "a (xs:string) must be set");
    assert_eq!(refused(&schema, &[("a", "1"), ("d", "1")]), "there is no d: there is a, b, c");
    assert_eq!(
        refused(&schema, &[("a", "1"), ("a", "2")]),
        "a has no place: it may not stand so often, or not beside what else is set"
    );
    assert_eq!(refused(&schema, &[("a/x", "1")]), "there is no a/x: there is nothing to be set");
    assert_eq!(refused(&schema, &[("a", "1"), ("a/@x", "1")]), "there is no a/@x: there is nothing to be set");
    assert_eq!(refused(&schema, &[("a", "1"), ("@x", "1")]), "there is no @x: there is a, b, c");
    assert_eq!(refused(&schema, &[(".", "1"), ("a", "1")]), ". has no text of its own: there is a, b, c");
    assert_eq!(listed(&schema), ["a xs:string !", "b xs:int ", "c xs:string *"]);
}

#[test]
fn paths_that_are_none() {
    let schema = asking("<xs:element name='a' type='xs:string' maxOccurs='9'/>", "");
    for (path, reason) in [
        ("", "is no path: "),
        ("a//b", "is no path: "),
        ("/a", "is no path: "),
        ("a[1", "is no path: "),
        ("a@b", "is no path: "),
        ("@", "names no attribute"),
        ("a[x]", "has a position that is no number"),
        ("a[0]", "has a position of 0"),
        ("a[2]", "has a position that leaves one out"),
        ("a[99999999999999999999]", "has a position that is no number"),
        (&"a/".repeat(200), "has too many steps"),
    ] {
        let error = refused(&schema, &[(path, "1")]);
        assert!(error.starts_with(&format!("{path:?} {reason}")), "{error}");
    }
    assert!(refused(&schema, &[("a", "\0")]).contains("a character in its value that XML does not have"));
    assert!(refused(&schema, &[("a[1]", "1"), ("a[1]", "2")]).contains("is set twice"));
    assert!(refused(&schema, &[("@x", "1"), ("@x", "2")]).contains("is set twice"));
    assert_eq!(within(&schema, &[("a[1]", "1"), ("a[2]", "2"), ("a", "3")]), "<a>1</a><a>2</a><a>3</a>");
}

#[test]
fn lists_of_what_has_content() {
    let schema = asking(
        "<xs:element name='line' maxOccurs='unbounded'><xs:complexType><xs:sequence><xs:element name='sku' type='xs:string'/>\
         <xs:element name='n' type='xs:int' minOccurs='0'/></xs:sequence><xs:attribute name='id' use='required'/></xs:complexType></xs:element>",
        "",
    );
    assert_eq!(
        within(
            &schema,
            &[("line/sku", "a"), ("line/@id", "1"), ("line[2]/@id", "2"), ("line[2]/sku", "b"), ("line/n", "3")]
        ),
        "<line id=\"1\"><sku>a</sku></line><line id=\"2\"><sku>b</sku><n>3</n></line>"
    );
    assert_eq!(
        refused(&schema, &[("line/sku", "a"), ("line/sku", "b"), ("line/@id", "1")]),
        "line/sku has no place: it may not stand so often, or not beside what else is set (another line is line[2])"
    );
    assert_eq!(
        refused(&schema, &[("line/sku", "a"), ("line[2]/n", "1")]),
        "line/@id (xs:string), line[2]/@id (xs:string), line[2]/sku (xs:string) must be set"
    );
    assert_eq!(listed(&schema), ["line[1]/@id xs:string !", "line[1]/sku xs:string !", "line[1]/n xs:int "]);
}

#[test]
fn names_are_in_the_namespaces_that_the_schema_gives_them() {
    let other = "<xs:schema targetNamespace='urn:o' xmlns='urn:o'><xs:element name='x' type='T'/><xs:complexType name='T'><xs:sequence>\
                 <xs:element name='in' type='xs:string' form='qualified'/><xs:element name='out' type='xs:string'/></xs:sequence>\
                 <xs:attribute name='plain'/><xs:attribute name='own' form='qualified'/><xs:attribute ref='global'/>\
                 <xs:attribute ref='xml:lang'/></xs:complexType><xs:attribute name='global' type='xs:int'/></xs:schema>";
    let own =
        asking("<xs:element ref='o:x' xmlns:o='urn:o'/><xs:element name='y' form='unqualified' type='xs:string'/>", "");
    let settings = [
        ("x/in", "1"),
        ("x/out", "2"),
        ("y", "3"),
        ("x/@plain", "4"),
        ("x/@own", "5"),
        ("x/@global", "6"),
        ("x/@lang", "de"),
    ];
    assert_eq!(
        ask(&format!("{own}{other}"), &settings).unwrap(),
        "<n1:Ask xmlns:n1=\"urn:t\"><n2:x xmlns:n2=\"urn:o\" plain=\"4\" xml:lang=\"de\" n2:global=\"6\" n2:own=\"5\">\
         <n2:in>1</n2:in><out>2</out></n2:x><y>3</y></n1:Ask>"
    );
    let imported = own.replace(
        "<xs:element name='Ask'>",
        "<xs:import namespace='urn:o' schemaLocation='o.xsd'/><xs:element name='Ask'>",
    );
    assert_eq!(
        refused(&imported, &settings),
        "element x of namespace \"urn:o\" is not defined in the schemas of the contract, which import o.xsd: that is not among them"
    );
    // The same in documents of their own; one without a namespace takes on that of who includes it.
    let borrowing = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' elementFormDefault='qualified'><xs:complexType name='Z'><xs:sequence>\
                     <xs:element name='z' type='Simple'/></xs:sequence></xs:complexType><xs:simpleType name='Simple'>\
                     <xs:restriction base='xs:int'/></xs:simpleType></xs:schema>";
    let own =
        imported.replace("<xs:element name='Ask'>", "<xs:include schemaLocation='z.xsd'/><xs:element name='Ask'>");
    let own = own.replace("type='xs:string'/></xs:sequence>", "type='Z'/></xs:sequence>");
    let text = contract(&own);
    let mut documents = Documents::new("c.wsdl", text.as_bytes()).unwrap();
    while let Some((_, location)) = documents.import() {
        let location = location.to_owned();
        let other = other.replace("<xs:schema", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'");
        documents.add(&location, if location == "z.xsd" { borrowing.as_bytes() } else { other.as_bytes() }).unwrap();
        documents.link(&location);
    }
    let body = made(&documents, "Ask", &[("x/in", "1"), ("x/out", "2"), ("y/z", "3")]).unwrap();
    assert!(body.ends_with("<y><n1:z>3</n1:z></y></n1:Ask>"), "{body}");
}

#[test]
fn types_that_extend_and_restrict() {
    let types = "<xs:complexType name='Base'><xs:sequence><xs:element name='a' type='xs:string'/></xs:sequence><xs:attribute name='x' use='required'/></xs:complexType>\
        <xs:complexType name='More'><xs:complexContent><xs:extension base='Base'><xs:sequence><xs:element name='b' type='xs:string'/></xs:sequence>\
        <xs:attributeGroup ref='G'/></xs:extension></xs:complexContent></xs:complexType>\
        <xs:attributeGroup name='G'><xs:attribute name='y'/></xs:attributeGroup>\
        <xs:complexType name='Less'><xs:complexContent><xs:restriction base='More'><xs:sequence><xs:element name='b' type='xs:string'/></xs:sequence>\
        <xs:attribute name='x' use='prohibited'/></xs:restriction></xs:complexContent></xs:complexType>\
        <xs:complexType name='Price'><xs:simpleContent><xs:extension base='xs:decimal'><xs:attribute name='currency' use='required'/></xs:extension></xs:simpleContent></xs:complexType>";
    let schema = |of: &str| asking(&format!("<xs:element name='e' type='{of}'/>"), types);
    assert_eq!(
        within(&schema("More"), &[("e/b", "2"), ("e/a", "1"), ("e/@y", "4"), ("e/@x", "3")]),
        "<e x=\"3\" y=\"4\"><a>1</a><b>2</b></e>"
    );
    assert_eq!(refused(&schema("More"), &[]), "e/@x (xs:string), e/a (xs:string), e/b (xs:string) must be set");
    assert_eq!(within(&schema("Less"), &[("e/b", "2")]), "<e><b>2</b></e>");
    assert_eq!(refused(&schema("Less"), &[("e/@x", "2"), ("e/b", "2")]), "there is no e/@x: there is b, @y");
    assert_eq!(within(&schema("Price"), &[("e/@currency", "EUR"), ("e", "3")]), "<e currency=\"EUR\">3</e>");
    assert_eq!(refused(&schema("Price"), &[("e/@currency", "EUR")]), "e (xs:decimal) must be set");
    assert_eq!(listed(&schema("Price")), ["e/@currency xs:string !", "e xs:decimal !"]);

    // Another type in its place.
    assert_eq!(
        within(&schema("Base"), &[("e/@xsi:type", "More"), ("e/@x", "0"), ("e/a", "1"), ("e/b", "2")]),
        "<e xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" x=\"0\" xsi:type=\"More\"><a>1</a><b>2</b></e>"
    );
    for other in ["Price", "Nothing"] {
        let error = refused(&schema("Base"), &[("e/@xsi:type", other)]);
        assert_eq!(error, format!("there is no type {other} for e: there is nothing to be set"));
    }
    let of_abstract = schema("Base").replace("name='Base'", "name='Base' abstract='true'");
    assert_eq!(
        refused(&of_abstract, &[]),
        "e/@x (xs:string), e/@xsi:type (the name of a type that is a Base) must be set"
    );
    assert!(
        within(&of_abstract, &[("e/@xsi:type", "More"), ("e/@x", "0"), ("e/a", "1"), ("e/b", "2")])
            .contains("xsi:type")
    );
    let any = asking("<xs:element name='e' type='xs:anyType'/>", "");
    assert_eq!(
        within(&any, &[("e/@xsi:type", "xs:int"), ("e", "1")]),
        "<e xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:int\">1</e>"
    );
    let nil = asking("<xs:element name='e' type='Order' nillable='true' xmlns='urn:t'/>", "");
    assert_eq!(
        within(&nil, &[("e/@xsi:nil", "true")]),
        "<e xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"></e>"
    );
    assert!(refused(&nil, &[("e/@xsi:nil", "true"), ("e/id", "1")]).starts_with("e/id has no place"));
}

#[test]
fn choices_groups_and_substitutes() {
    let choice = asking(
        "<xs:choice><xs:element name='a' type='xs:string'/><xs:sequence><xs:element name='b' type='xs:string'/><xs:group ref='G'/></xs:sequence></xs:choice>",
        "<xs:group name='G'><xs:sequence><xs:element name='c' type='xs:int'/></xs:sequence></xs:group>",
    );
    assert_eq!(within(&choice, &[("a", "1")]), "<a>1</a>");
    assert_eq!(within(&choice, &[("c", "1"), ("b", "2")]), "<b>2</b><c>1</c>");
    assert_eq!(refused(&choice, &[("b", "2")]), "c (xs:int) must be set");
    assert_eq!(refused(&choice, &[]), "… (one of a, b, c) must be set");
    assert!(refused(&choice, &[("a", "1"), ("b", "2")]).starts_with("b has no place"));
    assert_eq!(listed(&choice), ["a xs:string a|b|c", "b xs:string a|b|c", "c xs:int a|b|c"]);
    assert_eq!(within(&choice.replace("<xs:choice>", "<xs:choice minOccurs='0'>"), &[]), "");
    let many = choice.replace("<xs:choice>", "<xs:choice maxOccurs='unbounded'>");
    assert_eq!(
        within(&many, &[("b", "1"), ("c", "2"), ("a", "3"), ("b", "4"), ("c", "5")]),
        "<b>1</b><c>2</c><a>3</a><b>4</b><c>5</c>"
    );
    let rows = asking(
        "<xs:sequence maxOccurs='3'><xs:element name='a' type='xs:int'/><xs:element name='b' type='xs:int'/></xs:sequence>",
        "",
    );
    assert_eq!(within(&rows, &[("a", "1"), ("a", "2"), ("b", "3"), ("b", "4")]), "<a>1</a><b>3</b><a>2</a><b>4</b>");
    let all = schema(
        "<xs:element name='Ask'><xs:complexType><xs:all><xs:element name='a' type='xs:int'/><xs:element name='b' minOccurs='0' type='xs:int'/></xs:all></xs:complexType></xs:element>",
    );
    assert_eq!(within(&all, &[("b", "1"), ("a", "2")]), "<a>2</a><b>1</b>");

    let heads = asking(
        "<xs:element ref='head'/>",
        "<xs:element name='head' abstract='true'/><xs:element name='m' substitutionGroup='head' type='xs:int'/>\
         <xs:element name='n' substitutionGroup='m'/>",
    );
    assert_eq!(within(&heads, &[("n", "1")]), "<n>1</n>");
    assert_eq!(refused(&heads, &[]), "head (one of m, n) must be set");
    assert_eq!(refused(&heads, &[("head", "1")]), "there is no head: there is m, n");
    assert_eq!(listed(&heads), ["m xs:int m|n", "n xs:int m|n"]);
}

#[test]
fn what_is_said_already_need_not_be_set() {
    let schema = asking(
        "<xs:element name='a' default='7' type='xs:int'/><xs:element name='b' type='E'/><xs:element name='c' type='E2' minOccurs='0'/>\
         <xs:element name='d'><xs:complexType><xs:attribute name='v' fixed='1.0' use='required'/><xs:attribute name='w' default='x'/></xs:complexType></xs:element>",
        "<xs:simpleType name='E'><xs:restriction base='xs:string'><xs:enumeration value='only'/></xs:restriction></xs:simpleType>\
         <xs:simpleType name='E2'><xs:restriction base='xs:string'><xs:enumeration value='p'/><xs:enumeration value='q'/></xs:restriction></xs:simpleType>",
    );
    assert_eq!(within(&schema, &[]), "<a>7</a><b>only</b><d v=\"1.0\"></d>");
    assert_eq!(
        within(&schema, &[("a", "8"), ("b", "other"), ("d/@v", "2")]),
        "<a>8</a><b>other</b><d v=\"2\"></d>",
        "what is set is what is sent"
    );
    assert_eq!(refused(&schema.replace("type='E2' minOccurs='0'", "type='E2'"), &[]), "c (E2: p, q) must be set");
    let listed = describe(&schema);
    let of = |path: &str| listed.iter().find(|one| one.path == path).unwrap();
    assert_eq!(
        (of("a").preset.as_deref(), of("b").preset.as_deref(), of("d/@v").preset.as_deref()),
        (Some("7"), Some("only"), Some("1.0"))
    );
    assert_eq!(of("c").values, ["p", "q"]);
}

#[test]
fn what_must_be_within_what_may_be() {
    let schema = asking("<xs:element name='o' type='Order' minOccurs='0'/>", "");
    assert_eq!(within(&schema, &[]), "");
    assert_eq!(listed(&schema), ["o/id xs:int !o"]);
    assert_eq!(within(&schema, &[("o/id", "1")]), "<o><id>1</id></o>");
}

/// An element of a simple type is a body too, and one of mixed content.
#[test]
fn a_body_of_text() {
    let text = schema("<xs:element name='Ask' type='xs:string'/>");
    assert_eq!(within(&text, &[(".", "hello")]), "hello");
    assert_eq!(refused(&text, &[]), ". (xs:string) must be set");
    assert_eq!(listed(&text), [". xs:string !"]);
    let mixed = schema(
        "<xs:element name='Ask'><xs:complexType mixed='true'><xs:sequence><xs:element name='a' minOccurs='0' type='xs:int'/></xs:sequence><xs:anyAttribute/></xs:complexType></xs:element>",
    );
    assert_eq!(within(&mixed, &[(".", "hello"), ("a", "1")]), "hello<a>1</a>");
    assert!(ask(&mixed, &[("@free", "1")]).unwrap().contains(" free=\"1\">"));
    for name in ["a b", "x='1", "xmlns", "a:b", "1"] {
        assert!(refused(&mixed, &[(&format!("@{name}"), "1")]).starts_with("there is no @"), "{name}");
    }
}

#[test]
fn what_is_not_built_or_not_there() {
    let any = asking("<xs:any/>", "");
    assert_eq!(refused(&any, &[]), "* (an element of another schema, which cannot be set) must be set");
    assert_eq!(within(&asking("<xs:any minOccurs='0'/>", ""), &[]), "");
    let of = |of: &str| refused(&asking(&format!("<xs:element name='e' {of}/>"), ""), &[]);
    assert_eq!(
        of("type='Nothing'"),
        "type Nothing of namespace \"urn:t\" is not defined in the schemas of the contract"
    );
    assert_eq!(of("type='u:x'"), "the prefix of u:x is not declared");
    assert_eq!(
        refused(&schema(""), &[]),
        "element Ask of namespace \"urn:t\" is not defined in the schemas of the contract"
    );
    let redefined = asking(
        "<xs:element name='e' type='R'/>",
        "<xs:redefine schemaLocation='x'><xs:simpleType name='R'/></xs:redefine>",
    );
    assert_eq!(refused(&redefined, &[]), "R: what is redefined is not built yet");
}

/// Whoever writes the contract says how much there is of it.
#[test]
fn schemas_that_go_round_end() {
    let tree = |min: &str| {
        asking(
            "<xs:element name='t' type='T'/>",
            &format!(
                "<xs:complexType name='T'><xs:sequence><xs:element name='t' type='T' {min}/><xs:element name='v' type='xs:int' minOccurs='0'/></xs:sequence></xs:complexType>"
            ),
        )
    };
    assert_eq!(within(&tree("minOccurs='0'"), &[("t/t/v", "1")]), "<t><t><v>1</v></t></t>");
    assert_eq!(listed(&tree("minOccurs='0'")), ["t/t T …", "t/v xs:int "]);
    assert!(refused(&tree(""), &[]).contains("too intricate"));
    let doubling = (0..40)
        .map(|n| format!("<xs:complexType name='T{n}'><xs:sequence><xs:element name='a' type='T{m}'/><xs:element name='b' type='T{m}'/></xs:sequence></xs:complexType>", m = n + 1))
        .collect::<Vec<_>>().concat();
    let groups = (0..40)
        .map(|n| format!("<xs:group name='G{n}'><xs:sequence><xs:group ref='G{m}'/><xs:group ref='G{m}'/></xs:sequence></xs:group>", m = n + 1))
        .collect::<Vec<_>>().concat();
    for (sequence, more) in [
        ("<xs:element name='e' type='T0'/>", format!("{doubling}<xs:complexType name='T40'/>")),
        ("<xs:group ref='G0'/>", format!("{groups}<xs:group name='G40'><xs:sequence/></xs:group>")),
        ("<xs:group ref='G'/>", "<xs:group name='G'><xs:sequence><xs:group ref='G'/></xs:sequence></xs:group>".to_owned()),
        ("<xs:element name='e' type='A'/>", "<xs:complexType name='A'><xs:complexContent><xs:extension base='B'/></xs:complexContent></xs:complexType><xs:complexType name='B'><xs:complexContent><xs:extension base='A'/></xs:complexContent></xs:complexType>".to_owned()),
        ("<xs:element name='e' type='A'/>", "<xs:simpleType name='A'><xs:restriction base='A'/></xs:simpleType>".to_owned()),
        ("<xs:element ref='e'/>", "<xs:element name='e' substitutionGroup='f'/><xs:element name='f' substitutionGroup='e'/>".to_owned()),
        ("<xs:element name='e' type='A'/>", format!("<xs:complexType name='A'>{}<xs:element name='e' type='A'/>{}</xs:complexType>", "<xs:sequence>".repeat(30), "</xs:sequence>".repeat(30))),
        ("<xs:element name='e' type='A'/>", "<xs:complexType name='A'><xs:attributeGroup ref='H'/></xs:complexType><xs:attributeGroup name='H'><xs:attributeGroup ref='H'/></xs:attributeGroup>".to_owned()),
        ("<xs:sequence minOccurs='4000000000'/>", String::new()),
        ("<xs:element name='e' minOccurs='4000000000' default='x' type='xs:string'/>", String::new()),
    ] {
        let schemas = asking(sequence, &more);
        let error = if sequence.contains("ref='e'") { refused(&schemas, &[("e", "1")]) } else { refused(&schemas, &[]) };
        assert!(error.contains("too intricate"), "{sequence}: {error}");
        let documents = documents(&contract(&schemas));
        let _ = Request::new(&documents, None, "Ask").unwrap().settable();
    }
}
