/* Function values: pointers, bound arguments, functionals, captured values. */

int add(int left, int right) {
    return left + right;
}

/* A functional that remembers `step`: $(...) is evaluated when the functional is made. */
function adder(int step) {
    return (: $1 + $(step) :);
}

/* f after g. */
function compose(function f, function g) {
    return (: evaluate($(f), evaluate($(g), $1)) :);
}

int main(string *argv) {
    function add_five = (: add, 5 :);
    function add_two = adder(2);
    int *numbers = ({ 1, 2, 3, 4, 5, 6 });

    printf("bound: %d\n", evaluate(add_five, 10));
    printf("captured: %d\n", add_two(40));
    printf("composed: %d\n", evaluate(compose(add_five, add_two), 1));
    printf("even: %s\n", implode(map(filter(numbers, (: $1 % 2 == 0 :)), (: "" + $1 :)), " "));
    printf("descending: %s\n", implode(map(sort_array(numbers, (: $2 - $1 :)), (: "" + $1 :)), " "));
    printf("anonymous: %d\n", evaluate(function (int n) { return n * n; }, 9));
    return 0;
}
