/* `text ${value}`: language.md 1. */
#include "/expect.h"

void test_plain() {
    string text = `plain`;

    expect(text, "plain");
    expect(typeof(text), "string");
}

void test_values() {
    int number = 3;
    string name = "x";
    string text = `${name}=${number}`;

    expect(text, "x=3");
    expect(`${number + 1}`, "4");
    expect(`a${number}`, "a3");
    expect(`${number}b`, "3b");
    expect(`${-number}`, "-3");
}

void test_floats_are_short() {
    expect(`${1.5}`, "1.5");
    expect(`${0.1}`, "0.1");
    expect(`${2.0}`, "2");
    expect(`${1e20}`, "1e+20");
    expect(`${1.0 / 3.0}`, "0.333333");
}

void test_nested() {
    int number = 7;
    string text = `a${`b${number}`}c`;

    expect(text, "ab7c");
}

void test_strings_and_braces_inside() {
    mapping table = ([ "k": 5 ]);
    string text = `<${table["k"]}>${sizeof(({ 1, 2 }))}`;

    expect(text, "<5>2");
}

void test_escapes() {
    string text = `\`\${x}\n\t\\`;

    expect(text, "`" "${x}\n\t\\");
    expect(`$5`, "$5");
}

void test_newlines_are_dropped() {
    string text = `one
two`;

    expect(text, "onetwo");
}

void test_adjacent() {
    int one = 1;
    string text = "x" `y${one}` "z";

    expect(text, "xy1z");
    expect(`a` "b", "ab");
}

void test_other_values_print_as_dumps() {
    string text = `b${({ 1 })}c`;  // differs fluffos: cuts the text short

    expect(text, "b({ /* sizeof() == 1 */\n  1\n})c");
}
