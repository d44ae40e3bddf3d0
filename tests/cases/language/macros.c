/* #define, #undef and the predefined names: language.md 2. */
#include "/expect.h"
#include "fixtures/constants.h" text after the name is ignored

#define EMPTY
#define ONE 1
#define ADD(a, b) ((a) + (b))
#define TEXT(x) #x
#define SECOND_TEXT(a, b) #b
#define PASTE(a, b) a##b
#define NEST(x) ADD(x, ONE)
#define SEVEN() 7
#define FIRST(a, b) a
#define SECOND(a, b) b
#define ADDER ADD
#define TWO_LINES 1 + \
    2
#define COMMENTED 1 + /* a comment
    over lines */ 2
#define same_name same_name
#define left right
#define right left

/* Macros are looked up before keywords: how old mudlibs keep their `static` and `status`. */
#define static nosave
#define status int

static int hidden = 4;
status flag = 1;

void test_object_like() {
    expect(ONE, 1);
    expect(EMPTY ONE EMPTY, 1);
    expect(TWO_LINES, 3);
    expect(COMMENTED, 3);
    expect(hidden + flag, 5);
}

void test_function_like() {
    expect(ADD(2, 3), 5);
    expect(ADD (2, 3), 5);
    expect(NEST(2), 3);
    expect(NEST(ADD(1, 1)), 3);
    expect(SEVEN(), 7);
    expect(ADDER(1, 2), 3);
    expect(ADD(ADD(1, 2), ADD(3, 4)), 10);
}

void test_arguments_over_lines() {
    int sum = ADD
        (1,
         2);

    expect(sum, 3);
}

void test_name_without_parentheses_is_ordinary() {
    int ADD = 5;
    int got = ADD;

    expect(got, 5);
}

void test_wrong_argument_counts() {
    int b = 9;

    expect(FIRST(3), 3);
    expect(FIRST(3, 4, 5), 3);
    expect(SECOND(3), 9);
    expect(b, 9);
}

void test_what_protects_a_comma() {
    expect(SECOND_TEXT((0, 1), 5), "5");
    expect(SECOND_TEXT("0, 1", 5), "5");
    expect(SECOND_TEXT(',', 5), "5");
    expect(SECOND_TEXT([0, 1], 5), "1]");
    expect(SECOND_TEXT({0, 1}, 5), "1}");
}

void test_text_of_an_argument() {
    expect(TEXT(a + b), "a + b");
    expect(TEXT(  a  ), "a");
    expect(TEXT(ONE), "ONE");
    expect(TEXT("x\n"), "\"x\\n\"");
    expect(TEXT(), "");
}

void test_paste() {
    int value = 3;

    expect(PASTE(val, ue), 3);
    expect(PASTE(1, 2), 12);
    expect(PASTE(O, NE), 1);
    expect(value, 3);
}

void test_no_expansion_inside_itself() {
    int same_name = 4;
    int left = 5;

    expect(same_name, 4);
    expect(left, 5);
}

void test_no_expansion_in_strings() {
    expect("ONE", "O" "NE");
    expect(`ONE`, "O" "NE");
    expect('O', 79);
}

#define CHANGING 1
#define CHANGING 1

int changing_before() { return CHANGING; }

#undef CHANGING
#define CHANGING 2
#undef NEVER_DEFINED

void test_undef() {
    expect(changing_before(), 1);
    expect(CHANGING, 2);
}

void test_predefined() {
    int here = __LINE__; expect(here, 127);

    expect(__FILE__, "/cases/language/macros.c");
    expect(__DIR__, "/cases/language/");
    expect(__DIR__ "x", "/cases/language/x");
    expect(MAX_INT, 9223372036854775807);
    expect(SIZEOFINT, 8);
    expect(stringp(__VERSION__), 1);
    expect(stringp(MUD_NAME), 1);
}

void test_included() {
    expect(FROM_HEADER, 11);
    expect(from_header, "/cases/language/fixtures/constants.h");
    expect(header_line, 6);
}

#define HEADER "fixtures/more.h"
#include HEADER

void test_include_of_a_macro() {
    expect(MORE, 12);
    expect(AND_MORE, 13);
}

int line_directive() {
#line 500
    return __LINE__;
}

void test_line_directive() {
    int got = line_directive();

    if (got != 500) error("#line did not count from 500 but gave " + got);
}

#ifdef 0
    this text ' is hidden
#endif

loose_before(x) { return x; }
#pragma strict_types
int strict_here(int x) { return x; }
#pragma no_strict_types
loose_again(x) { return x; }

void test_a_number_is_never_defined_and_pragmas_hold_from_where_they_stand() {
    expect(({ loose_before(1), strict_here(2), loose_again(3) }), ({ 1, 2, 3 }));
}
