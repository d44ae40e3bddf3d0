#include "/expect.h"

#ifndef __PACKAGE_JSON__
#error there is a json package
#endif

void test_valid() {
    expect(json_valid("[1, {\"a\": null}]"), 1);
    expect(json_valid("null"), 1);
    expect(json_valid(string_encode("\"é\"", "utf-8")), 1);
}

void test_invalid() {
    expect(json_valid(""), 0);
    expect(json_valid("[1"), 0);
    expect(json_valid("undefined"), 0);
    expect(json_valid(repeat_string("[", 101) + repeat_string("]", 101)), 0);
    expect(json_valid(repeat_string("{\"a\":", 100000)), 0);
}
//---
void create() { json_valid(1); }  // error LPC4...: json_valid
