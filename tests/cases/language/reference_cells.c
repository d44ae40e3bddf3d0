/* A ref parameter is the caller's variable: language.md 8.16. */
#include "/expect.h"

class pair { int a; string s; mixed *list; }

int global;
mapping table = ([ ]);

void set(mixed ref target, mixed value) { target = value; }
void fail(mixed ref target, mixed value) { target = value; error("failed"); }
void change(mixed ref target) { global = 7; expect(target, 7); target++; expect(global, 8); }
void pass(mixed ref target, mixed value) { set(ref target, value); expect(target, value); }
void both(int ref a, int ref b) { a++; b += 10; }
mixed plain(mixed value) { return ({ typeof(value), value }); }
mixed rest(mixed values...) { return values; }
mixed untouched(mixed ref target) { table["k"] = 9; return target; }

void test_what_was_set_before_an_error() {
    int local = 1;

    expect_message(catch(fail(ref local, 5)), "failed");
    expect(local, 5);
    expect_message(catch(fail(ref global, 6)), "failed");
    expect(global, 6);
    catch { fail(ref table["x"], 3); };
    expect(table["x"], 3);
}

void test_changes_from_elsewhere() {
    global = 1;
    change(ref global);
    expect(global, 8);
    table["k"] = 1;
    expect(untouched(ref table["k"]), 9);
    expect(table["k"], 9);
}

void test_handed_on() {
    int local = 1;

    pass(ref local, 4);
    expect(local, 4);
    pass(ref global, 5);
    expect(global, 5);
}

void test_the_same_variable_twice() {
    int x = 1;

    both(ref x, ref x);
    expect(x, 12);
    both(ref global, ref global);
    expect(global, 16);
}

void test_every_kind() {
    class pair p = new(class pair, a: 1, s: "abc", list: ({ 1, 2 }));
    string text = "xyz";
    mixed *deep = ({ ({ "abc" }) });
    buffer bytes = allocate_buffer(2);

    set(ref p->a, 2);
    expect(p->a, 2);
    set(ref p->s[1], 'X');
    expect(p->s, "aXc");
    set(ref p->list[<1], "last");
    expect(p->list, ({ 1, "last" }));
    set(ref text[0], 'a');
    expect(text, "ayz");
    table["name"] = 0;
    set(ref deep[0][0][2], 'C');
    expect(deep, ({ ({ "abC" }) }));
    set(ref bytes[1], 255);
    expect(bytes[1], 255);
    set(ref table.name, 1);
    expect(table["name"], 1);
    expect_message(catch(set(ref deep[5], 1)), "Array index out of bounds");
    foreach (int ref item in p->list) {
        set(ref item, 0);
    }
    expect(p->list, ({ 0, 0 }));
}

void test_parameters_that_take_no_reference() {
    int x = 3;
    function f = (: plain :);
    function g = (: plain($1) :);
    function h = function(mixed value) { return plain(value); };

    expect(this_object()->plain(ref x), ({ "int", 3 }));
    expect(this_object()->rest(1, ref x), ({ 1, 3 }));
    expect(this_object()->plain(ref x, ref x), ({ "int", 3 }));
    expect(({ this_object() })->plain(ref x), ({ ({ "int", 3 }) }));
    expect((*f)(ref x), ({ "int", 3 }));
    expect((*g)(ref x), ({ "int", 3 }));
    expect((*h)(ref x), ({ "int", 3 }));
    expect(x, 3);
}

void test_through_other_calls() {
    int x = 3;
    function f = (: set :);
    function g = function(int ref value) { value = 8; };

    this_object()->set(ref x, 4);
    expect(x, 4);
    ({ this_object() })->set(ref x, 5);
    expect(x, 5);
    (*f)(ref x, 6);
    expect(x, 6);
    (*g)(ref x);
    expect(x, 8);
    this_object()->set(ref x, ({ 7 })...);
    expect(x, 7);
}
