#include "/expect.h"

#define TEXT "{\"users\": [{\"name\": \"tom\", \"a/b\": 1, \"c~d\": 2, \"e.f\": null}], \"0\": true}"

void test_pointers() {
    expect(json_get(TEXT, "/users/0/name"), "tom");
    expect(json_get(TEXT, "/users/0/a~1b"), 1);
    expect(json_get(TEXT, "/users/0/c~0d"), 2);
    expect(json_get(TEXT, "/0"), 1);
}

void test_dotted_paths() {
    expect(json_get(TEXT, "users.0.name"), "tom");
    expect(json_get(TEXT, "0"), 1);
    expect(json_get(TEXT, "users.0.a/b"), 1);
}

void test_parts_and_everything() {
    expect(json_get("[1, [2]]", "1"), ({ 2 }));
    expect(json_get("[1, [2]]", ""), ({ 1, ({ 2 }) }));
    expect(json_get("3", ""), 3);
}

void test_what_is_not_there() {
    foreach (string path in ({ "users.1", "/users/-", "users.name", "nobody", "/", "users.0.e.f", "users.0.name.0" }))
        expect(undefinedp(json_get(TEXT, path)), 1);
    expect_error((: json_get("[1", "0") :), "JSON: ");
}
