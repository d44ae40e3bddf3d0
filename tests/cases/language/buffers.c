/* Buffers: language.md 8.15. */
#include "/expect.h"

void test_bytes() {
    buffer bytes = allocate_buffer(3);

    expect(sizeof(bytes), 3);
    expect(bytes[0], 0);
    bytes[0] = 255;
    bytes[1] = 'a';
    bytes[<1] = 7;
    bytes[1]++;
    expect(({ bytes[0], bytes[1], bytes[2] }), ({ 255, 'b', 7 }));
}

void test_range_of_a_byte() {
    buffer bytes = allocate_buffer(1);
    int large = 256, negative = -1;

    expect_message(catch(bytes[0] = large), "Buffer byte value out of range: must be 0..255.");
    expect_message(catch(bytes[0] = negative), "Buffer byte value out of range: must be 0..255.");
    expect(bytes[0], 0);
}

void test_references() {
    buffer one = allocate_buffer(1), two = one;

    two[0] = 5;
    expect(one[0], 5);
    expect(one == two, 1);
    expect(one == allocate_buffer(1), 0);
}

void test_index_out_of_bounds() {
    buffer bytes = allocate_buffer(1);
    int past = 1, got;

    expect_message(catch(got = bytes[past]), "");
    expect_message(catch(bytes[past] = 1), "");
    expect(got, 0);
}

void test_conversion() {
    buffer bytes = "aé";
    buffer numbers = ({ 1, 2 });

    expect(sizeof(bytes), 3);
    expect(numbers[1], 2);
    bytes = "xy";
    expect(bytes[1], 'y');
    bytes += "z";
    expect(sizeof(bytes), 3);
    expect(typeof(bytes), "buffer");
}

void test_range_assignment() {
    buffer bytes = to_buffer("abcd");

    bytes[1..2] = to_buffer("XY");
    expect(({ bytes[1], bytes[2] }), ({ 'X', 'Y' }));
    bytes[0..1] = to_buffer("");
    expect(sizeof(bytes), 2);
}
