/* Destructed objects: language.md 8.13. */
#include "/expect.h"

#define THING "/cases/language/fixtures/thing"

object held;

void test_variables_read_as_zero() {
    object ob = clone_object(THING), alias = ob;

    held = ob;
    destruct(ob);
    expect(ob, 0);
    expect(alias, 0);
    expect(held, 0);
    expect(ob == 0, 1);
    expect(!ob, 1);
    expect(ob ? 1 : 2, 2);
    expect(objectp(ob), 0);
    expect(intp(ob), 1);
    expect(typeof(ob), "int");
    expect("" + (ob || "none"), "none");
}

void test_it_is_plain_zero() {
    object ob = clone_object(THING);

    destruct(ob);
    expect(undefinedp(ob), 0);
}

void test_elements_and_members() {
    object ob = clone_object(THING);
    mixed *array = ({ 1, ob });
    mapping table = ([ "ob": ob ]);

    destruct(ob);
    expect(array, ({ 1, 0 }));
    expect(array[1], 0);
    expect(table["ob"], 0);
    expect(array - ({ 0 }), ({ 1 }));
    expect(member_array(0, array), 1);
}

void test_two_destructed_objects_are_equal() {
    object one = clone_object(THING), two = clone_object(THING);
    mixed a = one, b = two;

    destruct(one);
    destruct(two);
    expect(a == b, 1);
}

void test_calls_are_errors() {
    object ob = clone_object(THING);

    destruct(ob);
    expect_message(catch(ob->me()), "Bad argument 1 to EFUN call_other()");
}

void test_running_code_goes_on() {
    object ob = clone_object(THING, 3);

    expect(ob->die_and_go_on(), 7);
    expect(ob, 0);
}

void test_find_object() {
    object ob = clone_object(THING);
    string name = file_name(ob);

    expect_same(find_object(name), ob);
    destruct(ob);
    expect(find_object(name), 0);
}

void test_foreach_over_destructed() {
    object ob = clone_object(THING);
    mixed *got = ({ });

    foreach (mixed x in ({ ob, 1 })) {
        if (objectp(ob)) destruct(ob);
        got += ({ x == 0 });
    }
    expect(got[1], 0);
}
