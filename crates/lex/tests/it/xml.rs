//! Hand-written messages: what XML reads as, what it is written as, and what is refused.

use crate::fixture;
use lex::Message;
use lex::json::{MAX_DEPTH, MAX_VALUES};
use serde_json::{Value, json};

/// Takes `null` out, which is absent.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().filter(|item| !item.is_null()).map(without_nulls).collect(),
        Value::Object(members) => {
            let known = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(known.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        other => other,
    }
}

fn read(xml: &str) -> Value {
    Message::from_xml(xml.as_bytes()).unwrap_or_else(|error| panic!("{xml}: {error}")).into_document()["lex"]
        .take()
}

fn refusal(xml: impl AsRef<[u8]>) -> String {
    Message::from_xml(xml.as_ref()).unwrap_err().0
}

fn written(lex: &Value) -> String {
    let message = Message::new(json!({ "lex": lex })).unwrap();
    let xml = String::from_utf8(message.to_xml()).unwrap();
    let start =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<lex xmlns=\"urn:lex:schema:v1.0\" version=\"1.0\">";
    xml.strip_prefix(start).and_then(|rest| rest.strip_suffix("</lex>\n")).unwrap_or(&xml).to_owned()
}

#[test]
fn a_partners_xml_reads_as_the_same_message_in_json() {
    let json = Message::from_json(&fixture("lead.json")).unwrap();
    let xml = Message::from_xml(&fixture("lead.xml")).unwrap();
    assert_eq!(xml.document(), &without_nulls(json.into_document()));
}

#[test]
fn messages_of_every_type_come_back_from_xml_as_they_were() {
    for name in ["lead", "asset", "acknowledgment", "subscription", "lead_closure"] {
        let sent = Message::from_json(&fixture(&format!("{name}.json"))).unwrap();
        let back = Message::from_xml(&sent.to_xml()).unwrap();
        assert_eq!(back.to_json(), without_nulls(sent.into_document()).to_string().into_bytes(), "{name}");
    }
}

#[test]
fn a_message_is_written_in_the_shape_of_the_reference() {
    let lex = json!({
        "dataGovernance": {"dataOwner": "D"},
        "header": {"messageId": "m-1", "version": "1.0", "ttl": {"maxAgeSeconds": 60}},
        "payload": {"lead": {
            "customer": {"lastName": "O'Neil & Co"},
            "desiredProduct": {"features": ["A", "B"], "manufacturers": ["M"], "year": 2026},
            "leadHistory": [{"version": 1, "previousStatus": null}],
            "financing": {"needsFinancing": false, "downPaymentCapacity": 1e21, "loanTerm": 1.5e-7}
        }}
    });
    let expected = concat!(
        "<header><messageId>m-1</messageId><version>1.0</version><ttl><maxAgeSeconds>60</maxAgeSeconds></ttl></header>",
        "<payload><lead><customer><lastName>O'Neil &amp; Co</lastName></customer>",
        "<desiredProduct><features><feature>A</feature><feature>B</feature></features>",
        "<manufacturers><item>M</item></manufacturers><year>2026</year></desiredProduct>",
        "<leadHistory><entry><version>1</version><previousStatus/></entry></leadHistory>",
        "<financing><needsFinancing>false</needsFinancing>",
        "<downPaymentCapacity>1000000000000000000000.0</downPaymentCapacity>",
        "<loanTerm>0.00000015</loanTerm></financing></lead></payload>",
        "<dataGovernance><dataOwner>D</dataOwner></dataGovernance>"
    );
    assert_eq!(written(&lex), expected);
}

#[test]
fn what_xml_cannot_say_is_kept_as_near_as_can_be() {
    let lex =
        json!({"own": {"a b": 1, "": "x", "1st": [true], "x\u{1}<\"\n": "c", "bell": "a\u{7}b\u{fffe}"}});
    let expected = concat!(
        "<own><field name=\"a b\">1</field><field name=\"\">x</field><field name=\"1st\"><item>true</item></field>",
        "<field name=\"x\u{fffd}&lt;&quot;&#10;\">c</field><bell>a\u{fffd}b\u{fffd}</bell></own>"
    );
    assert_eq!(written(&lex), expected);
    let back = Message::from_xml(&Message::new(json!({ "lex": lex })).unwrap().to_xml()).unwrap();
    let expected = json!({"own": {
        "a b": "1", "": "x", "1st": ["true"], "x\u{fffd}<\"\n": "c", "bell": "a\u{fffd}b\u{fffd}"
    }});
    assert_eq!(back.document()["lex"], expected);
}

#[test]
fn empty_text_differs_from_absent_and_white_space_counts_where_it_must() {
    let lex =
        json!({"header": {"replyTo": "", "signature": " a ", "senderId": null, "receiverId": "a\r\nb"}});
    let expected = concat!(
        "<header><replyTo xml:space=\"preserve\"></replyTo><signature xml:space=\"preserve\"> a </signature>",
        "<senderId/><receiverId>a&#13;&#10;b</receiverId></header>"
    );
    assert_eq!(written(&lex), expected);
    let back = Message::from_xml(&Message::new(json!({ "lex": lex.clone() })).unwrap().to_xml()).unwrap();
    assert_eq!(back.document()["lex"], without_nulls(lex));
}

#[test]
fn an_empty_element_is_absent_unless_the_schema_makes_it_a_list_or_an_object() {
    let xml = "<lex><header><replyTo/><ttl/></header><payload><lead><leadHistory/><status>  </status>\
        <own/></lead></payload></lex>";
    assert_eq!(read(xml), json!({"header": {"ttl": {}}, "payload": {"lead": {"leadHistory": []}}}));
}

#[test]
fn numbers_and_flags_are_read_only_where_the_schema_says_so() {
    let xml = "<lex><payload><lead><leadVersion>2</leadVersion><desiredProduct><year>+2026</year><model>390</model>\
        <budgetMax>1.50</budgetMax><budgetMin>nan</budgetMin></desiredProduct>\
        <financing><needsFinancing>TRUE</needsFinancing><loanTerm>4e1</loanTerm></financing>\
        <own>5</own></lead></payload></lex>";
    let expected = json!({"payload": {"lead": {
        "leadVersion": 2, "desiredProduct": {"year": 2026, "model": "390", "budgetMax": 1.5, "budgetMin": "nan"},
        "financing": {"needsFinancing": "TRUE", "loanTerm": 40.0}, "own": "5"
    }}});
    assert_eq!(read(xml), expected);
}

#[test]
fn where_no_schema_tells_repeated_elements_are_a_list() {
    let xml = "<lex><own><many><a>1</a><a>2</a></many><one><item>1</item></one><only><a>1</a></only>\
        <mixed><a>1</a><b>2</b><a>3</a><a><item>x</item></a></mixed></own></lex>";
    let expected = json!({"own": {
        "many": ["1", "2"], "one": ["1"], "only": {"a": "1"}, "mixed": {"a": ["1", "3", ["x"]], "b": "2"}
    }});
    assert_eq!(read(xml), expected);
}

#[test]
fn a_list_that_comes_in_parts_is_one_list_and_a_value_that_comes_twice_hides_nothing() {
    let xml = "<lex><payload><lead><leadId>a</leadId><leadId>b</leadId><desiredProduct>\
        <features><f>A</f></features><features><f>B</f></features><features>C</features></desiredProduct>\
        </lead></payload></lex>";
    let expected =
        json!({"payload": {"lead": {"leadId": ["a", "b"], "desiredProduct": {"features": ["A", "B", "C"]}}}});
    assert_eq!(read(xml), expected);
}

#[test]
fn document_types_and_entities_are_refused() {
    let bomb = "<!DOCTYPE lex [<!ENTITY a \"aaaaaaaaaa\">]><lex><own>&a;</own></lex>";
    assert!(refusal(bomb).contains("document types are not read"));
    assert!(
        refusal("<!DOCTYPE lex SYSTEM \"file:///etc/passwd\"><lex/>").contains("document types are not read")
    );
    assert!(refusal("<lex><a>&nbsp;</a></lex>").contains("entity \"nbsp\" is not known"));
    for reference in ["&#0;", "&#1;", "&#xFFFE;", "&#x110000;", "&#xD800;", "&#;", "&;", "& b"] {
        assert!(
            refusal(format!("<lex><a>{reference}</a></lex>"))
                .starts_with("the body is not readable as XML: ")
        );
    }
}

#[test]
fn older_shapes_and_other_roots_are_refused_by_name() {
    let older = "<lex version=\"1.0.0\" xmlns=\"https://lexstandard.org/schema/1.0\"><Header><MessageId>1</MessageId></Header></lex>";
    assert!(refusal(older).starts_with("element \"Header\" is of an older form"));
    for root in ["LEXMessage", "ALXMessage"] {
        let xml = format!("<{root} xmlns=\"http://alx.automotive.org/1.0.0\"><Header/></{root}>");
        assert!(refusal(xml).starts_with(&format!("element \"{root}\" is of an older form")));
    }
    assert_eq!(refusal("<html/>"), "the root of a message is the element lex, not \"html\"");
}

#[test]
fn what_is_no_well_formed_xml_is_refused() {
    let broken = [
        "",
        "  ",
        "text",
        "<lex>",
        "<lex></lexx>",
        "</lex>",
        "<lex/><lex/>",
        "<lex/>text",
        "x<lex/>",
        "<lex><a></lex></a>",
        "<lex><a b></a></lex><",
        "<lex a='1",
        "<lex><![CDATA[x</lex>",
        "<lex><!-- </lex>",
        "{\"lex\":{}}",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><lex/>",
        "<lex><a>\u{1}</a></lex>",
        "<lex><a>\u{ffff}</a></lex>",
        "<lex><></></lex>",
        "<lex><1/></lex>",
        "<lex><a\"b/></lex>",
    ];
    for xml in broken {
        assert!(refusal(xml).starts_with("the body is not readable as XML: "), "{xml}: {}", refusal(xml));
    }
    assert!(refusal(b"<lex>\xff</lex>").contains("utf-8"));
    assert!(refusal("<lex><a>text<b/></a></lex>").contains("both text and elements"));
}

#[test]
fn depth_and_number_of_elements_are_bounded() {
    let nested = |depth: usize| format!("<lex>{}{}</lex>", "<a>".repeat(depth - 1), "</a>".repeat(depth - 1));
    assert!(Message::from_xml(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert!(refusal(nested(MAX_DEPTH + 1)).contains("deeper than 64 levels"));
    assert!(refusal("<lex>".to_owned() + &"<a>".repeat(100_000)).contains("deeper than 64 levels"));
    let many = |count: usize| format!("<lex>{}</lex>", "<a/>".repeat(count - 1));
    assert!(refusal(many(MAX_VALUES + 1)).contains("more than 200000 elements"));
}

#[test]
fn a_tag_with_very_many_attributes_takes_no_longer_than_its_bytes() {
    let names: Vec<String> = (0..50_000).map(|number| format!(" a{number}=''")).collect();
    let attributes = names.concat();
    assert_eq!(read(&format!("<lex{attributes}/>")), json!({}));
}

#[test]
fn whatever_json_may_nest_xml_can_carry() {
    let depth = MAX_DEPTH - 2;
    let body = format!("{{\"lex\":{{\"own\":{}1{}}}}}", "[".repeat(depth), "]".repeat(depth));
    let message = Message::from_json(body.as_bytes()).unwrap();
    assert!(Message::from_xml(&message.to_xml()).is_ok());
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert_eq!(read("\u{feff}<?xml version='1.0'?><lex/>"), json!({}));
}
