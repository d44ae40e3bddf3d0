/* @TERM and @@TERM: language.md 1. */
#include "/expect.h"

private string same(string text) { return text; }

void test_text() {
    string text = @END
first line
  second "line" \n // kept
END;

    expect(text, "first line\n  second \"line\" \\n // kept\n");
}

#define word not this

void test_no_macros_inside() {
    string text = @STOP
word
STOP;

    expect(text, "word\n");
}

void test_terminator_starts_a_line() {
    string text = @END
ENDING
 END
END_
END;

    expect(text, "ENDING\n END\nEND_\n");
}

void test_code_follows_the_terminator() {
    string text = same(@TEXT
x

y
TEXT) + "z";

    expect(text, "x\n\ny\nz");
}

void test_array_of_lines() {
    string *lines = @@END
a
  b
c"
END;

    expect(lines, ({ "a", "  b", "c\"" }));
}

void test_array_inside_a_call() {
    string text = implode(@@END
a
b
END, "-");

    expect(text, "a-b");
}

void test_digits_in_the_terminator() {
    string text = @2ND
x
2ND;

    expect(text, "x\n");
}

void test_lines_count_on() {
    string text = @END
one
END;
    int here = __LINE__;

    expect(text, "one\n");
    expect(here, 76);
}
