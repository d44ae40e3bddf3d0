// Names nobody declared, and names declared twice: diagnostics.md 2.2.

class point { int x, y; }

int used;

int helper(int a) { return a; }

void undefined() {
    int total = 1;

    totl = total + 1;           // error LPC3001: [Uu]ndefined variable 'totl'
    wriet("hello\n");           // error LPC3002: Undefined function wriet
    used = missing + helper(1); // error LPC3001: [Uu]ndefined variable 'missing'
    ::helper(1);                // error LPC3005: Unable to find the inherited function 'helper'
    efun::no_such_efun(1);      // error LPC3003: Unknown efun: no_such_efun
}

void classes() {
    class point p = new(class point, x: 1, z: 2);   // error LPC3011: Class 'point' has no member 'z'
    class nothing n;                                // error LPC3009: Undefined class 'nothing'

    used = p->z;                                    // error LPC3011: Class 'point' has no member 'z'
    n = p;
}

void locals(int a) {
    int b = a;

    {
        int b = 2;              // error LPC3006: Illegal to redeclare local name 'b'

        used = b;
    }
    used = b;
}

int helper(int a) { return a + 1; }     // error LPC3007: Redeclaration of function 'helper'

void functional() {
    int local = 1;
    function f = (: $1 + local :);      // error LPC3013: Illegal to use local variable in a functional

    evaluate(f, local);
}

function not_a_function() {
    return (: no_such_name, 1 :);       // error LPC3002: [Uu]n(known|defined) function '?no_such_name'?
}
