// What the type checker refuses: language.md 7, diagnostics.md 2.1.

int add(int a, int b) { return a + b; }
int twice(int n, int times) { return n * times; }
string word() { return "x"; }

void calls() {
    add(1);                 // error LPC4002: Wrong number of arguments to 'add', expected: 2, minimum: 2, got: 1.
    add(1, "x");            // error LPC4001: Bad type for argument 2 of add \( int vs string \)
    strlen();               // error LPC4002: Too few arguments to 'strlen'.
    write(1, 2);            // error LPC4002: Too many arguments to 'write'.
    capitalize(3);          // error LPC4001: Bad argument 1 to efun capitalize\(\)
    add(1, 2, 3);
    add(1, 0);
}

string returns() {
    return 5;               // error LPC4004: Type of returned value doesn't match function return type \( int vs string \)
}

void assignments() {
    int n = "s";            // error LPC4003: Type mismatch \( int vs string \) when initializing n
    string text;
    mixed any = n;

    text = 3;               // error LPC4003: Bad assignment \( string vs int \).
    text = 0;
    text = any;
    n = any;
}

void operands() {
    int n = 1;
    string text = word();
    mapping table = ([ ]);
    object ob = this_object();

    n = text - text;        // error LPC4005: Bad argument number 1 to '-'
    n = text * 2;           // error LPC4005: Invalid types to '\*' \( string vs int \)
    table = table + n;      // error LPC4005: Invalid argument types to '\+' \( mapping vs int \)
    n = table < n;          // error LPC4005: Bad left argument to '<'
    n = n < table;          // error LPC4005: Bad right argument to '<'
    n = ob == text;         // error LPC4007: == always false because of incompatible types \( object vs string \)
    n = ob != text;         // error LPC4007: != always true because of incompatible types \( object vs string \)
    n = 1 / 0;              // error LPC4011: Divide by zero in constant
    n = 1 % 0;              // error LPC4011: Modulo by zero
}

void indexes() {
    string *words = ({ "a" });
    string text = "abc";
    mixed any;

    any = words["x"];       // error LPC4006: Bad type of index
    any = text["x"];        // error LPC4006: Bad type of index
    any = words["a"..1];    // error LPC4006: Bad type of left index to range operator
    any = words[0.."b"];    // error LPC4006: Bad type of right index to range operator
    write("" + any);
}

void casts() {
    string text = "5";
    int n = (int)text;      // warning LPC5013: Cannot cast string to int

    write("" + n);
}

untyped(a, b) {
    return a - "text" + b;
}
