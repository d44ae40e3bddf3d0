/* Fibonacci numbers: pylpc examples/fib.c [n ...]. Exit status 2 for what is no number. */

int fib(int n) {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/* Print one number; 0 when the argument is none. */
int show(string argument) {
    int n;
    string rest;

    if (sscanf(argument, "%d%s", n, rest) != 2 || rest != "" || n < 0) {
        printf("%s: not a number\n", argument);
        return 0;
    }
    printf("fib(%d) = %d\n", n, fib(n));
    return 1;
}

/* argv[0] is the script itself. */
int main(string *argv) {
    string *arguments = sizeof(argv) > 1 ? argv[1..] : ({ "10", "20" });

    foreach (string argument in arguments) {
        if (!show(argument)) {
            return 2;
        }
    }
    return 0;
}
