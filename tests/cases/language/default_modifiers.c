/* `modifiers:` sets what follows: language.md 3. */
#include "/expect.h"

private:
int one() { return 1; }
nomask int two() { return 2; }

public:
int three() { return 3; }

void test_default_access() {
    expect(one() + two(), 3);
    expect(undefinedp(call_other(this_object(), "one")), 1);
    expect(undefinedp(call_other(this_object(), "two")), 1);
    expect(call_other(this_object(), "three"), 3);
}
