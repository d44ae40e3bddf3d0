/* Strings: language.md 8.8. */
#include "/expect.h"

string family = "\U0001F468\u200D\U0001F469\u200D\U0001F467x";     // one character of five code points, and x
string accent = "e\u0301x";     // two characters as people count: é (two code points) and x

void test_length_in_characters() {
    expect(strlen("hello"), 5);
    expect(strlen(""), 0);
    expect(strlen("héllo"), 5);
    expect(strlen("日本語"), 3);
    expect(strlen("😀!"), 2);
    expect(strlen(accent), 2);
    expect(strlen("👨‍👩‍👧"), 1);
    expect(sizeof("héllo"), 5);
}

void test_index() {
    string text = "héllo";

    expect(text[0], 'h');
    expect(text[1], 233);
    expect(text[4], 'o');
    expect(text[<1], 'o');
    expect(text[<5], 'h');
    expect("日本語"[2], 0x8a9e);
    expect(accent[1], 'x');
    expect(accent[<1], 'x');
}

void test_one_past_the_end_is_zero() {
    string text = "ab";
    int at = 2, last = 0;

    expect(text[at], 0);
    expect(text[<last], 0);
    expect(""[last], 0);
}

void test_index_out_of_bounds() {
    string text = "ab";
    int at = 3, before = -1, got;

    expect_message(catch(got = text[at]), "String index out of bounds.");
    expect_message(catch(got = text[before]), "String index out of bounds.");
    expect_message(catch(got = text[<at]), "out of bounds.");
    expect(got, 0);
}

void test_cluster_of_several_code_points() {
    int first = 0, got;

    expect_message(catch(got = family[first]), "String index only work for single codepoint character.");
    expect(accent[first], 'e');     // up to four bytes long, a cluster counts by its first code point
    expect(accent[0..0], "e\u0301");
    expect(accent[1..1], "x");
    expect(accent[1..], "x");
    expect(got, 0);
}

void test_index_wants_a_number() {
    mixed key = "a", text = "abc", got;

    expect_message(catch(got = text[key]), "");
    expect(undefinedp(got), 1);
}

void test_characters_are_replaced_in_the_variable() {
    string text = "abc", other = text;

    text[0] = 'X';
    expect(text, "Xbc");
    expect(other, "abc");
    text[<1] = 'Z';
    expect(text, "XbZ");
    text[1]++;
    expect(text, "XcZ");
    text[1] += 2;
    expect(text, "XeZ");
    text[1] = 233;
    expect(text, "XéZ");
}

void test_characters_inside_containers() {
    string *words = ({ "abc", "def" });
    mapping table = ([ "k": "xyz" ]);

    words[1][0] = 'D';
    table["k"][1] = 'Y';
    expect(words, ({ "abc", "Def" }));
    expect(table, ([ "k": "xYz" ]));
}

void test_no_zero_in_a_string() {
    string text = "abc";

    expect_message(catch(text[1] = 0), "Strings cannot contain 0 byte.");
    expect(text, "abc");
}

void test_replacing_out_of_bounds() {
    string text = "abc";
    int at = 7;

    expect_message(catch(text[at] = 'x'), "");
    expect(text, "abc");
}

void test_sums() {
    string text = "a";

    text += "b" + "c";
    expect(text, "abc");
    expect("é" + "ü", "éü");
    expect(strlen("e" + "\u0301"), 1);
}
