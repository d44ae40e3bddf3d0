/* #if and its relatives: language.md 2. */
#include "/expect.h"

#define YES 1
#define NO 0
#define SUM(a, b) a + b

#define CHECK(name, value) int name() { return value; }

#if 1 + 2 * 3 == 7
CHECK(precedence, 1)
#else
CHECK(precedence, 0)
#endif

#if 10 - 3 - 2 == 5 && 100 / 10 / 5 == 2 && (1 << 2 << 1) == 8
CHECK(left_associative, 1)
#else
CHECK(left_associative, 0)
#endif

#if -7 / 2 == -3 && -7 % 3 == -1 && ~0 == -1 && !0 && !!5 == 1 && +3 == 3
CHECK(signs, 1)
#else
CHECK(signs, 0)
#endif

#if (6 & 3) == 2 && (6 | 3) == 7 && (6 ^ 3) == 5 && 1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 != 2
CHECK(bits, 1)
#else
CHECK(bits, 0)
#endif

#if (1 << 64) == 1 && (1 << 65) == 2
CHECK(shifts_are_masked, 1)
#else
CHECK(shifts_are_masked, 0)
#endif

#if UNKNOWN_NAME == 0 && int == 0 && !UNKNOWN_NAME
CHECK(unknown_names_are_zero, 1)
#else
CHECK(unknown_names_are_zero, 0)
#endif

#if defined YES && defined(NO) && !defined(NOPE) && !defined NOPE
CHECK(is_defined, 1)
#else
CHECK(is_defined, 0)
#endif

#if efun_defined(strlen) && !efun_defined(no_such_efun)
CHECK(efun_is_defined, 1)
#else
CHECK(efun_is_defined, 0)
#endif

#if 'a' == 97 && 0x10 == 16 && 0b11 == 3 && 1_000 == 1000
CHECK(literals, 1)
#else
CHECK(literals, 0)
#endif

#if SUM(1, 2) == 3
CHECK(expanded, 1)
#else
CHECK(expanded, 0)
#endif

#if NO
CHECK(choice, 1)
#elif NO || 0
CHECK(choice, 2)
#elif YES
CHECK(choice, 3)
#elif YES
CHECK(choice, 4)
#else
CHECK(choice, 5)
#endif

#ifdef YES
# ifndef NOPE
CHECK(nested, 1)
# else
CHECK(nested, 2)
# endif
#else
CHECK(nested, 3)
#endif

#if 0
This is no LPC at all: don't "tokenise it, ' ` @
# if 1
CHECK(skipped, 1)
# else
CHECK(skipped, 2)
# endif
# nonsense
#endif
CHECK(skipped, 3)

#ifdef FLUFFOS
# ifdef MUDOS
CHECK(driver_names, 1)
# endif
#endif

void test_operators() {
    expect(precedence(), 1);
    expect(left_associative(), 1);
    expect(signs(), 1);
    expect(bits(), 1);
    expect(shifts_are_masked(), 1);
}

void test_operands() {
    expect(unknown_names_are_zero(), 1);
    expect(is_defined(), 1);
    expect(efun_is_defined(), 1);
    expect(literals(), 1);
    expect(expanded(), 1);
    expect(driver_names(), 1);
}

void test_branches() {
    expect(choice(), 3);
    expect(nested(), 1);
    expect(skipped(), 3);
}
