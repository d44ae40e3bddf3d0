/* catch, throw and error: language.md 4 and 10. */
#include "/expect.h"

int fail(string text) { error(text); return 1; }
mixed thrown(mixed value) { return catch(throw(value)); }

string early() {
    catch {
        return "inside";
    };
    return "outside";
}

void test_error_text() {
    expect(catch(error("boom")), "*boom\n");
    expect(catch(error("boom\n")), "*boom\n");
    expect(catch(fail("deep")), "*deep\n");
}

void test_no_error_gives_zero() {
    int x;

    expect(catch(x = 5), 0);
    expect(x, 5);
    expect(catch { x++; }, 0);
    expect(x, 6);
}

void test_thrown_values_stay_as_they_are() {
    mixed *array = ({ 1 });

    expect(thrown(5), 5);
    expect(thrown("plain"), "plain");
    expect(thrown(0), 0);
    expect(thrown(1.5), 1.5);
    expect_same(thrown(array), array);
    expect_same(thrown(this_object()), this_object());
}

void test_block() {
    int steps = 0;
    mixed caught = catch {
        int local = 1;

        steps += local;
        fail("stop");
        steps = 100;
    };

    expect(caught, "*stop\n");
    expect(steps, 1);
}

void test_nested() {
    mixed inner, outer;

    outer = catch {
        inner = catch(fail("first"));
        fail("second");
    };
    expect(inner, "*first\n");
    expect(outer, "*second\n");
}

void test_thrown_on() {
    mixed outer = catch {
        mixed inner = catch(throw(1));

        throw(inner + 1);
    };

    expect(outer, 2);
}

void test_return_inside_leaves_the_function() {
    expect(early(), "inside");
}

void test_in_a_loop() {
    string *messages = ({ });

    for (int i = 0; i < 3; i++) {
        mixed message = catch {
            if (i == 1) throw("one");
        };

        messages += ({ message || "-" });
    }
    expect(messages, ({ "-", "one", "-" }));
}

void test_assignments_before_the_error_stay() {
    int a = 1, b = 1;

    catch {
        a = 2;
        fail("x");
        b = 2;
    };
    expect(({ a, b }), ({ 2, 1 }));
}

void test_run_time_errors() {
    mixed zero = 0, x;

    expect(catch(x = zero[1]), "*Value being indexed is zero.\n");
    expect(undefinedp(x), 1);
}

void test_in_functionals() {
    function f = (: catch(fail($1)) :);

    expect(f("inside"), "*inside\n");
    expect(catch(evaluate((: fail("outside") :))), "*outside\n");
}

void test_bad_argument_of_an_efun() {
    mixed number = 5, x;

    expect_message(catch(x = explode(number, ",")), "Bad argument 1 to ");
    expect(undefinedp(x), 1);
}

int initial = catch(error("in an initialiser")) ? 3 : 4;

void test_in_an_initialiser() {
    expect(initial, 3);
}

void test_time_expression() {
    int x, taken = time_expression(x = 5), longer = time_expression { x++; };

    expect(x, 6);
    expect(taken >= 0 && longer >= 0, 1);
    expect(typeof(taken), "int");
}
