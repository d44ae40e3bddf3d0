/* switch: language.md 4. */
#include "/expect.h"

#define FLAG 8

string kind(int n) {
    switch (n) {
        case 0: return "zero";
        case 1 + 2: return "three";
        case FLAG | 4: return "twelve";
        case -1: return "minus one";
        case 'a'..'z': return "letter";
        case 1000..2000: return "thousands";
        case 1000000: return "million";
        default: return "other";
    }
}

void test_numbers() {
    expect(kind(0), "zero");
    expect(kind(3), "three");
    expect(kind(12), "twelve");
    expect(kind(-1), "minus one");
    expect(kind('a') + kind('m') + kind('z'), "letterletterletter");
    expect(kind('a' - 1) + kind('z' + 1), "otherother");
    expect(kind(1000) + kind(2000) + kind(2001), "thousandsthousandsother");
    expect(kind(1000000), "million");
    expect(kind(4), "other");
}

string half_open(int n) {
    switch (n) {
        case ..-10: return "low";
        case 10..: return "high";
        case 0: return "zero";
    }
    return "between";
}

void test_open_ranges() {
    expect(half_open(-10), "low");
    expect(half_open(-100), "low");
    expect(half_open(-9), "between");
    expect(half_open(0), "zero");
    expect(half_open(9), "between");
    expect(half_open(10), "high");
}

string word(mixed text) {
    switch (text) {
        case "one": return "1";
        case "two" "fold": return "2";
        case "th" + "ree": return "3";
        case 0: return "none";
    }
    return "?";
}

void test_strings() {
    expect(word("one"), "1");
    expect(word("twofold"), "2");
    expect(word("three"), "3");
    expect(word("four"), "?");
    expect(word(""), "?");
    expect(word(0), "none");
}

string only_words(mixed text) {
    switch (text) {
        case "a": return "A";
        default: return "other";
    }
}

string only_numbers(mixed number) {
    switch (number) {
        case 1: return "one";
        default: return "other";
    }
}

void test_subject_of_the_wrong_type() {
    string got;

    expect_message(catch(got = only_words(5)), "Bad argument 1 to switch");
    expect_message(catch(got = only_words(({ }))), "Bad argument 1 to switch");
    expect_message(catch(got = only_numbers("a")), "Bad argument 1 to switch");
    expect_message(catch(got = only_numbers(1.0)), "Bad argument 1 to switch");
    expect(undefinedp(got), 1);
    expect(only_words(0), "other");
}

string through(int n) {
    string seen = "";

    switch (n) {
        case 1:
            seen += "1";
        case 2:
            seen += "2";
            break;
        case 3:
        case 4:
            seen += "34";
        default:
            seen += "d";
        case 5:
            seen += "5";
    }
    return seen;
}

void test_falls_through() {
    expect(through(1), "12");
    expect(through(2), "2");
    expect(through(3), "34d5");
    expect(through(4), "34d5");
    expect(through(5), "5");
    expect(through(6), "d5");
}

void test_break_and_continue_in_a_loop() {
    string seen = "";

    for (int i = 0; i < 5; i++) {
        switch (i) {
            case 1: continue;
            case 2: break;
            case 3: seen += "three "; break;
            default: seen += i + " ";
        }
        seen += "after" + i + " ";
    }
    expect(seen, "0 after0 after2 three after3 4 after4 ");
}

void test_nested() {
    string seen = "";

    foreach (int n in ({ 1, 2 })) {
        switch (n) {
            case 1:
                switch (n + 1) {
                    case 2: seen += "inner "; break;
                }
                seen += "outer ";
                break;
            case 2:
                seen += "two ";
        }
    }
    expect(seen, "inner outer two ");
}

void test_declarations() {
    int got = 0;

    switch (2) {
        int local;

        case 2:
            local = 5;
            got = local;
            break;
        case 3: {
            int other = 6;

            got = other;
        }
    }
    expect(got, 5);
}

void test_subject_is_evaluated_once() {
    int calls = 0;

    switch (++calls) {
        case 5: break;
        case 1: break;
    }
    expect(calls, 1);
}

string compared(int n) {
    switch (n) {
        case 3 > 2: return "one";
        case 2 * 3 - 1: return "five";
        case 1 << 4: return "sixteen";
        case (7 & 3) * 7: return "twenty-one";
        case ~0: return "minus one";
    }
    return "";
}

void test_constant_expressions() {
    expect(compared(1), "one");
    expect(compared(5), "five");
    expect(compared(16), "sixteen");
    expect(compared(21), "twenty-one");
    expect(compared(-1), "minus one");
}

string many(string name) {
    switch (name) {
        case "a": case "b": case "c": case "d": case "e": case "f": case "g": case "h": return "early";
        case "i": case "j": case "k": case "l": case "m": case "n": return "middle";
    }
    return "late";
}

void test_many_labels() {
    expect(many("a") + many("h") + many("m") + many("z"), "earlyearlymiddlelate");
}
