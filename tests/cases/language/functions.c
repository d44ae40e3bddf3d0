/* Function values: language.md 6. */
#include "/expect.h"

int counter = 0;
object other;

int add(int a, int b) { return a + b; }
int answer() { return 42; }
mixed *all(mixed *rest...) { return rest; }
object whose() { return this_object(); }

void create() {
    other = this_object();
}

void test_ways_to_call() {
    function f = (: strlen :);
    function *many = ({ f, (: add :) });

    expect(f("abc"), 3);
    expect((*f)("abcd"), 4);
    expect(evaluate(f, "ab"), 2);
    expect(many[0]("abcde"), 5);
    expect(many[1](1, 2), 3);
    expect(evaluate(many[1], 3, 4), 7);
}

function stored;

void test_global_function_variable() {
    stored = (: add, 1 :);
    expect(stored(5), 6);
}

void test_bound_arguments_come_first() {
    function f = (: all, 1, "x" :);

    expect(f(), ({ 1, "x" }));
    expect(f(2, 3), ({ 1, "x", 2, 3 }));
    expect(evaluate((: add, 5 :), 6), 11);
}

void test_bound_arguments_are_evaluated_once() {
    int x = 1;
    function f = (: all, x, counter++ :);
    int before = counter;

    x = 10;
    expect(f(), ({ 1, before - 1 }));
    expect(f(), ({ 1, before - 1 }));
    expect(counter, before);
}

void test_bound_arguments_spread() {
    mixed *numbers = ({ 1, 2 });
    function f = (: all, 0, numbers... :);

    expect(f(3), ({ 0, 1, 2, 3 }));
}

void test_functionals() {
    function sum = (: $1 + $2 :);
    function constant = (: 7 :);

    expect(sum(1, 2), 3);
    expect(sum("a", "b"), "ab");
    expect(constant(), 7);
    expect(constant(1, 2, 3), 7);
    expect(sum(1, 2, 3), 3);
    expect(evaluate((: undefinedp($2) :), 1), 1);
    expect(evaluate((: $3 :), 1, 2, 3), 3);
}

void test_functional_with_a_comma() {
    function f = (: counter = $1, counter + 1 :);

    expect(f(5), 6);
    expect(counter, 5);
}

void test_functional_of_a_call() {
    function f = (: add($1, 10) :), g = (: answer() :);

    expect(f(5), 15);
    expect(g(), 42);
}

void test_captured_values() {
    int x = 1;
    mixed *made = ({ });
    function f = (: $(x) + $1 :), g = (: ({ $(x), $(x + 1), $1 }) :);

    x = 100;
    expect(f(5), 6);
    expect(g(3), ({ 1, 2, 3 }));
    for (int i = 0; i < 3; i++) made += ({ (: $(i) :) });
    expect(({ evaluate(made[0]), evaluate(made[1]), evaluate(made[2]) }), ({ 0, 1, 2 }));
}

void test_captured_when_made_not_when_called() {
    function f;

    counter = 0;
    f = (: $(++counter) :);
    expect(counter, 1);
    expect(({ f(), f() }), ({ 1, 1 }));
    expect(counter, 1);
}

void test_global_in_a_functional() {
    function f = (: counter :);

    counter = 8;
    expect(f(), 8);
    counter = 9;
    expect(f(), 9);
}

void test_nested_functionals() {
    function f = (: map($1, (: $1 * 2 :)) :);
    function g = (: evaluate((: $1 + $($1) :), 10) :);

    expect(f(({ 1, 2 })), ({ 2, 4 }));
    expect(g(5), 15);
}

void test_anonymous() {
    function product = function (int a, int b) { return a * b; };
    function none = function () { return 5; };
    function loop = function (int n) {
        int sum = 0;

        for (int i = 1; i <= n; i++) sum += i;
        return sum;
    };

    expect(product(3, 4), 12);
    expect(none(), 5);
    expect(loop(4), 10);
    expect(evaluate(function (mixed a, mixed b) { return undefinedp(b); }, 1), 1);
}

void test_anonymous_sees_globals_and_functions() {
    function f = function (int n) { counter = n; return add(n, answer()); };

    expect(f(1), 43);
    expect(counter, 1);
}

void test_bare_names() {
    function f = strlen, g = add, h = simul_double;

    expect(f("abc"), 3);
    expect(g(1, 2), 3);
    expect(h(4), 8);
    expect(map(({ 1, 2 }), simul_double), ({ 2, 4 }));
}

void test_simul_and_efun_pointers() {
    function simul = (: simul_double :), bound = (: simul_double, 4 :);
    function plain = (: efun::strlen :), given = (: efun::strlen, "abc" :);

    expect(simul(3), 6);
    expect(bound(), 8);
    expect(plain("ab"), 2);
    expect(given(), 3);
}

void test_blanks_in_the_opening() {
    function f = ( : add : ), g = ( : $1 + 1 : );

    expect(f(1, 2), 3);
    expect(g(4), 5);
}

void test_kinds() {
    function anonymous = function () { return 1; };

    expect(functionp((: add :)) & 15, 2);
    expect(functionp((: strlen :)) & 15, 3);
    expect(functionp((: simul_double :)) & 15, 4);
    expect(functionp((: $1 :)) & 15, 5);
    expect(functionp(anonymous) & 15, 5);
    expect(functionp((: add, 1 :)) & 16, 16);
    expect(functionp((: add :)) & 16, 0);
    expect(functionp((: add :)) & 64, 64);
    expect(functionp((: strlen :)), 3);
    expect(functionp((: strlen, "a" :)), 19);
    expect(functionp(5), 0);
    expect(typeof((: add :)), "function");
}

void test_what_is_no_function_evaluates_to_itself() {
    mixed x = 5, text = "abc";

    expect(evaluate(x), 5);
    expect(evaluate(x, 1, 2), 5);
    expect((*x)(1), 5);
    expect(evaluate(text), "abc");
    expect(evaluate(0), 0);
}

void test_identity() {
    function f = (: strlen :), g = f;

    expect(f == g, 1);
    expect(f == (: strlen :), 0);
}

void test_owner() {
    object ob = clone_object("/cases/language/fixtures/thing");
    function theirs = ob->make_pointer(), functional = ob->make_functional();

    expect_same(evaluate(theirs), ob);
    expect_same(evaluate(functional), ob);
    expect_same(evaluate((: whose :)), this_object());
    destruct(ob);
    expect_message(catch(evaluate(functional)), "Owner (/cases/language/fixtures/thing#");
    expect_message(catch(evaluate(functional)), "of function pointer is destructed.");
    expect(functionp(functional) & 32, 32);
}

void test_previous_object_is_the_evaluator() {
    object ob = clone_object("/cases/language/fixtures/thing");

    expect_same(evaluate(ob->make_previous()), this_object());
    destruct(ob);
}

void test_defaults_through_a_pointer() {
    function f = (: with_default :);

    expect(f(1), 6);
    expect(f(1, 2), 3);
}

int with_default(int a, int b : (: 5 :)) { return a + b; }

void test_recursion_through_a_variable() {
    stored = function (int n) { return n < 2 ? 1 : n * evaluate(stored, n - 1); };
    expect(evaluate(stored, 5), 120);
}
