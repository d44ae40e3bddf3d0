/* Arguments, call_other and objects: language.md 3, 5 and 9. */
#include "/expect.h"

#define THING "/cases/language/fixtures/thing"

mixed *pair(mixed a, mixed b) { return ({ a, b }); }
varargs mixed *maybe(mixed a, mixed b) { return ({ a, b, undefinedp(b) }); }
int count(mixed *rest...) { return sizeof(rest); }
mixed *tail(int first, mixed *rest...) { return rest; }
int defaulted(int a, int b : (: 5 :), int c : (: 7 :)) { return a * 100 + b * 10 + c; }
object default_object(object ob : (: this_object() :)) { return ob; }
int increment(int a) { a++; return a; }

void test_missing_and_extra_arguments() {
    expect(maybe(1), ({ 1, 0, 1 }));
    expect(maybe(1, 0), ({ 1, 0, 0 }));
    expect(pair(1, 2, 3), ({ 1, 2 }));
    expect(this_object()->pair(1), ({ 1, 0 }));
    expect(this_object()->pair(1, 2, 3), ({ 1, 2 }));
    expect(this_object()->pair(), ({ 0, 0 }));
}

void test_rest() {
    expect(count(), 0);
    expect(count(1, 2, 3), 3);
    expect(tail(1), ({ }));
    expect(tail(1, 2, "x"), ({ 2, "x" }));
    expect(this_object()->count(1, 2), 2);
    expect(this_object()->tail(), ({ }));
}

void test_spread() {
    mixed *two = ({ 1, 2 }), *none = ({ });

    expect(maybe(two...), ({ 1, 2, 0 }));
    expect(count(two..., two...), 4);
    expect(count(0, two..., 5), 4);
    expect(count(none...), 0);
    expect(tail(0, two...), ({ 1, 2 }));
    expect(this_object()->pair(two...), ({ 1, 2 }));
    expect(call_other(this_object(), "pair", two...), ({ 1, 2 }));
}

void test_defaults() {
    object ob = load_object(THING);

    expect(defaulted(1), 157);
    expect(defaulted(1, 2), 127);
    expect(defaulted(1, 2, 3), 123);
    expect(defaulted(1, 0, 0), 100);
    expect(this_object()->defaulted(1), 157);
    expect(call_other(this_object(), "defaulted", 1, 2), 127);
    expect(evaluate((: defaulted, 2 :)), 257);
    expect_same(default_object(), this_object());
    expect_same(default_object(ob), ob);
}

void test_defaults_run_with_the_callers_object() {
    object ob = load_object(THING);

    expect(ob->defaulted(1), 11);   // the default of c is the caller, not the callee
    expect(ob->defaulted(1, 2), 3);
}

void test_arguments_are_copies() {
    int n = 5;

    expect(increment(n), 6);
    expect(n, 5);
}

void test_call_other() {
    object ob = clone_object(THING, 3);

    expect(ob->query_value(), 3);
    ob->set_value(4);
    expect(call_other(ob, "query_value"), 4);
    expect(call_other(ob, ({ "several", 1, 2 })), ({ 1, 2 }));
    expect_same(ob->caller(), this_object());
    destruct(ob);
}

void test_call_other_by_path() {
    expect_same(THING->me(), find_object(THING));
    expect_same(call_other(THING, "me"), load_object(THING));
    expect(load_object(THING)->several(1, 2), ({ 1, 2 }));
}

void test_call_other_to_arrays() {
    object a = clone_object(THING, 1), b = clone_object(THING, 2);

    expect(({ a, b })->query_value(), ({ 1, 2 }));
    expect(call_other(({ a, b }), "no_such_function"), ({ 0, 0 }));
    expect(({ })->query_value(), ({ }));
    destruct(a);
    destruct(b);
}

void test_missing_and_hidden_functions() {
    object ob = load_object(THING);

    expect(undefinedp(ob->no_such_function()), 1);
    expect(undefinedp(ob->secret()), 1);
    expect(undefinedp(ob->family()), 1);
    expect(ob->query_hidden(), 7);
}

void test_call_other_to_nothing() {
    mixed zero = 0, number = 5, got;

    expect_message(catch(got = zero->anything()), "Bad argument 1 to EFUN call_other()");
    expect_message(catch(got = number->anything()), "Bad argument 1 to EFUN call_other()");
    expect(catch(got = zero->anything()),
        "*Bad argument 1 to EFUN call_other()\nExpected: object, string, array,  Got: int(0).\n");
    expect_message(catch(got = "/no/such/file"->anything()), "call_other() couldn't find object '/no/such/file'.");
    expect(undefinedp(got), 1);
}

void test_objects() {
    object ob = new(THING, 5, "hello"), second = clone_object(THING);

    expect(ob->query_value(), 5);
    expect(ob->query_log(), ({ "hello" }));
    expect(second->query_value(), 0);
    expect(ob == second, 0);
    expect(clonep(ob), 1);
    expect(strsrch(file_name(ob), THING + "#"), 0);
    expect(file_name(load_object(THING)), THING);
    expect(objectp(ob), 1);
    destruct(ob);
    destruct(second);
}

void test_paths_with_an_extension() {
    expect_same(load_object(THING + ".c"), load_object(THING));
    expect_same(find_object(THING + ".c"), load_object(THING));
    expect(load_object("/no/such/file"), 0);
}

void test_simul_efuns() {
    expect(simul_double(21), 42);
    expect_same(simul_caller(), this_object());
}

void test_error_in_another_object() {
    object ob = load_object(THING);

    expect(catch(ob->fail()), "*thing failed\n");
}

int depth(int n) { return 1 + depth(n + 1); }

void test_endless_recursion_is_an_error() {
    int got;

    expect(catch(got = depth(0)), "*Too deep recursion.\n");
    expect(got, 0);
}
