/* Numbers, characters and strings as they are written: language.md 1. */
#include "/expect.h"

void test_integers() {
    expect(0x1F, 31);
    expect(0X1f, 31);
    expect(0b101, 5);
    expect(0B11, 3);
    expect(1_000_000, 1000000);
    expect(0x7fff_ffff, 2147483647);
    expect(0b1111_0000, 240);
}

void test_there_is_no_octal() {
    expect(010, 10);
    expect(0777, 777);
}

void test_integers_saturate() {
    expect(9223372036854775807, MAX_INT);
    expect(9223372036854775808, 9223372036854775807);
    expect(0xFFFFFFFFFFFFFFFF, 9223372036854775807);
    expect(-9223372036854775808, -9223372036854775807);
}

void test_floats() {
    expect(1.5 + 1.5, 3.0);
    expect(1., 1.0);
    expect(1e3, 1000.0);
    expect(1.5e-3, 0.0015);
    expect(1.5e+3, 1500.0);
    expect(1_0.5, 10.5);
    expect(typeof(1.), "float");
    expect(typeof(1e3), "float");
}

void test_two_dots_end_a_number() {
    int *numbers = ({ 10, 11, 12, 13 });

    expect(numbers[1..2], ({ 11, 12 }));
    expect(numbers[0..1], ({ 10, 11 }));
}

void test_characters() {
    int quote = '\'';
    int middle = ''';
    int double_quote = '"';

    expect('a', 97);
    expect(' ', 32);
    expect('\n', 10);
    expect('\t', 9);
    expect('\\', 92);
    expect('\0', 0);
    expect('\x41', 65);
    expect('\101', 65);
    expect(quote, 39);
    expect(middle, 39);
    expect(double_quote, 34);
}

void test_escapes() {
    expect("\n"[0], 10);
    expect("\t"[0], 9);
    expect("\r"[0], 13);
    expect("\b"[0], 8);
    expect("\a"[0], 7);
    expect("\e"[0], 27);
    expect("\""[0], 34);
    expect("\\"[0], 92);
    expect(strlen("\a\b\e\"\\"), 5);
    expect("\101\102", "AB");
    expect("\x41", "A");
    expect("\x41\x42", "AB");
    expect("\x000041", "A");
}

void test_unicode() {
    expect("\u00e9", "é");
    expect("\U000000e9", "é");
    expect("\uD83D\uDE00", "😀");
    expect("\U0001F600", "😀");
    expect("😀"[0], 0x1F600);
    expect("日本"[1], 0x672C);
}

void test_strings_over_lines() {
    string raw = "one
two";
    string joined = "one\
two";

    expect(raw, "one\ntwo");
    expect(joined, "onetwo");
}

#define WORD "middle"

void test_adjacent_strings_join() {
    expect("a" "b", "ab");
    expect("a" WORD "b", "amiddleb");
    expect("a" /* between */
           "b", "ab");
    expect(strlen("" ""), 0);
}

void test_comments_and_line_splices() {
    int sum = 1 + \
        2 /* three */ + 3; // and the rest

    expect(sum, 6);
    expect(8 / 2 /* / 2 */ / 2, 2);
    expect("// no comment", "//" " no comment");
    expect("/* none */", "/*" " none */");
}

void test_brackets_are_separate_tokens() {
    int *numbers = ( { 1, 2, } );
    int *spaced = ( /* here */ { 3 } /* and here */ );
    mapping table = ( [ "a" : 1, ] );

    expect(numbers, ({ 1, 2 }));
    expect(spaced, ({ 3 }));
    expect(table, ([ "a": 1 ]));
}

void test_longest_token_wins() {
    int x = 1, y = 2;

    expect(x+++y, 3);
    expect(x, 2);
    expect(x---y, 0);
    expect(x, 1);
    expect(1- -1, 2);
    expect(x<<1>>1, 1);
}
