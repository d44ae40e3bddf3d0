/* Inheritance: language.md 3 and 9. */
#pragma no_warnings
#include "/expect.h"

#define DIRECTORY "/cases/language/fixtures/"

inherit DIRECTORY "parent_a";
inherit (DIRECTORY + "parent_b");

int own = a + b;

void create() {
    ::create();
    created += ({ "child" });
}

string name() { return "child of " + parent_a::name(); }

private string secret() { return "secret of the child"; }
string tell_own() { return secret(); }

void test_overriding() {
    expect(name(), "child of a:grandparent");
    expect(greet(), "I am child of a:grandparent");
    expect(only_a() + only_b(), "only aonly b");
}

void test_last_inherited_definition_wins() {
    expect(both(), "both of b");
    expect(this_object()->both(), "both of b");
}

void test_colons_take_the_first_that_has_it() {
    expect(::both(), "both of a");
    expect(::only_b(), "only b");
}

void test_named_parents() {
    expect(parent_a::both(), "both of a");
    expect(parent_b::both(), "both of b");
}

void test_private_functions_are_separate() {
    expect(tell_own(), "secret of the child");
    expect(tell_secret(), "secret of a");
    expect(tell_b(), "secret of b");
}

void test_private_variables_are_separate() {
    expect(query_a(), 1);
    expect(query_b(), 2);
}

void test_variables() {
    expect(a + b, 30);
    a = 11;
    expect(a, 11);
    a = 10;
    expect(own, 30);
    expect(made, ({ "a" }));
}

void test_diamond_variables_are_shared() {     // differs fluffos: each path has its own copy
    parent_a::set_shared(5);
    expect(parent_b::query_shared(), 5);
    expect(shared, 5);
    shared = 1;
}

void test_create_is_called_by_hand() {
    expect(created, ({ "grandparent", "parent_a", "child" }));
}

void test_parents_are_objects_of_their_own() {
    expect(objectp(find_object(DIRECTORY "parent_a")), 1);
    expect((DIRECTORY "parent_a")->only_a(), "only a");
    expect((DIRECTORY "parent_a")->name(), "a:grandparent");
}

void test_protected() {
    expect(family(), 5);
    expect(call_other(this_object(), "family"), 5);
}

void test_pointers_are_virtual() {
    expect(evaluate(pointer()), "both of b");
}

void test_inherited_defaults() {
    expect(with_default(), 4);
    expect(parent_a::with_default(), 4);
}

void test_inherited_classes() {
    class named n = someone();

    expect(n->name, "Al");
    n = new(class named, age: 9);
    expect(n->age, 9);
}

void test_inherits() {
    expect(sort_array(map(inherit_list(), (: replace_string($1, ".c", "") :)), 1),
        ({ DIRECTORY "parent_a", DIRECTORY "parent_b" }));
}
