/* Truth, comparison and identity: language.md 8.3 and 8.7. */
#include "/expect.h"

int truth(mixed x) {
    if (x) return 1;
    return 0;
}

int truth_of_missing(mixed *rest...) {
    mixed x = sizeof(rest) ? rest[0] : ([ ])["nothing"];

    return x ? 1 : 0;
}

void test_what_is_true() {
    expect(truth(0), 0);
    expect(truth(1), 1);
    expect(truth(-1), 1);
    expect(truth(""), 1);
    expect(truth("x"), 1);
    expect(truth(({ })), 1);
    expect(truth(([ ])), 1);
    expect(truth((: 0 :)), 1);
    expect(truth(1.5), 1);
    expect(truth(this_object()), 1);
    expect(truth_of_missing(), 0);
}

void test_zero_float_is_false_in_jumps() {
    mixed zero = 0.0;
    int rounds = 0;

    expect(truth(zero), 0);
    expect(zero ? 1 : 2, 2);
    expect(zero || 5, 5);
    while (zero) {
        rounds++;
        break;
    }
    for (; zero; ) {
        rounds++;
        break;
    }
    expect(rounds, 0);
    expect(zero && 5, 0.0);
}

void test_zero_float_is_not_zero_elsewhere() {
    float zero = 0.0;
    mixed any = 0.0;

    expect(!zero, 0);
    expect(!any, 0);
    expect(any == 0, 0);
    expect(0.0 == 0, 0);
    expect(any != 0, 0);
    expect(0 != zero, 0);
    expect(0.0 != 0, 0);
    expect(zero == 0.0, 1);
    expect(0.0 == 0.0, 1);
}

void test_not() {
    mixed text = "", array = ({ });

    expect(!0, 1);
    expect(!5, 0);
    expect(!text, 0);
    expect(!array, 0);
    expect(!!7, 1);
    expect(!([ ])["x"], 1);
}

void test_logical_values() {
    mixed none = 0, text = "a";

    expect(none || text, "a");
    expect(text || none, "a");
    expect(none && text, 0);
    expect(text && 3, 3);
    expect(none || 0, 0);
    expect(1 && 2 && 3, 3);
    expect(0 || 0 || 4, 4);
}

void test_different_types_are_unequal() {
    mixed number = 1, text = "1", array = ({ 1 }), table = ([ ]);

    expect(number == text, 0);
    expect(number != text, 1);
    expect(array == number, 0);
    expect(table == array, 0);
    expect(text == 0, 0);
    expect(array == 0, 0);
}

void test_strings_by_content() {
    string one = "ab", two = "a";

    two += "b";
    expect(one == two, 1);
    expect(one != two, 0);
    expect("a" == "A", 0);
}

void test_references_by_identity() {
    mixed *array = ({ 1 }), *alias = array;
    mapping table = ([ 1: 1 ]), same = table;
    function f = (: 1 :), g = f;

    expect(array == ({ 1 }), 0);
    expect(array == alias, 1);
    expect(table == ([ 1: 1 ]), 0);
    expect(table == same, 1);
    expect(([ ]) == ([ ]), 0);
    expect(f == g, 1);
    expect(f == (: 1 :), 0);
    expect(this_object() == this_object(), 1);
}

void test_all_empty_arrays_are_one() {
    mixed *one = ({ }), *two = ({ 1 }) - ({ 1 });

    expect(({ }) == ({ }), 1);
    expect(one == two, 1);
    expect(one != two, 0);
}

void test_order_of_strings_is_by_bytes() {
    string small = "a", large = "b", upper = "B";

    expect(small < large, 1);
    expect(small < upper, 0);
    expect("abc" < "abd", 1);
    expect("ab" < "abc", 1);
    expect("é" > "z", 1);
    expect("" < "a", 1);
    expect("a" <= "a", 1);
    expect("a" >= "b", 0);
}

void test_order_of_other_things_is_an_error() {
    mixed number = 1, text = "a", array = ({ }), got;

    expect_message(catch(got = number < text), "Bad argument");
    expect_message(catch(got = text > number), "Bad argument");
    expect_message(catch(got = array < array), "Bad argument");
    expect_message(catch(got = array >= number), "Bad argument");
    expect(undefinedp(got), 1);
}
