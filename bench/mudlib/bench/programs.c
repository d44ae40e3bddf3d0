/*
 * The LPC side of the benchmarks: run_<name>(n) for each algorithm of bench/programs.py, same results.
 */

int fib(int n) {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int run_fib(int n) {
    return fib(n);
}

int run_loop(int n) {
    int sum = 0;

    for (int i = 0; i < n; i++) {
        sum += i & 7;
    }
    return sum;
}

int run_sieve(int n) {
    int *composite = allocate(n + 1);
    int count = 0;

    for (int i = 2; i <= n; i++) {
        if (!composite[i]) {
            count++;
            for (int j = i * i; j <= n; j += i) {
                composite[j] = 1;
            }
        }
    }
    return count;
}

int run_mandelbrot(int size) {
    int inside = 0;

    for (int row = 0; row < size; row++) {
        float y = 2.0 * row / size - 1.0;

        for (int column = 0; column < size; column++) {
            float x = 3.0 * column / size - 2.0;
            float real = 0.0, imaginary = 0.0;
            int round = 0;

            while (round < 50 && real * real + imaginary * imaginary <= 4.0) {
                float next = real * real - imaginary * imaginary + x;

                imaginary = 2.0 * real * imaginary + y;
                real = next;
                round++;
            }
            if (round == 50) {
                inside++;
            }
        }
    }
    return inside;
}

int run_strings(int n) {
    int length = 0;

    for (int i = 0; i < n; i++) {
        string text = "item " + i;

        text += ";";
        length += strlen(text);
    }
    return length;
}

int run_mapping(int n) {
    mapping counts = ([ ]);
    string *words = ({ });
    int most = 0;

    for (int i = 0; i < 100; i++) {
        words += ({ "word" + i });
    }
    for (int i = 0; i < n; i++) {
        counts[words[(i * 7) % 100]]++;
    }
    foreach (string word, int count in counts) {
        if (count > most) {
            most = count;
        }
    }
    return most;
}

int run_closures(int n) {
    int *numbers = allocate(n);
    int *sorted;

    for (int i = 0; i < n; i++) {
        numbers[i] = (i * 7919) % n;
    }
    sorted = sort_array(map(filter(numbers, (: $1 & 1 :)), (: $1 * 3 :)), (: $2 - $1 :));
    return sorted[0] + sizeof(sorted);
}

int add(int a, int b) {
    return a + b;
}

int run_call_other(int n) {
    object other = clone_object("/bench/programs");
    int sum = 0;

    for (int i = 0; i < n; i++) {
        sum = other->add(sum, i);
    }
    destruct(other);
    return sum;
}

int run_text(int n) {
    int sum = 0, number;
    string word;

    for (int i = 0; i < n; i++) {
        if (sscanf(sprintf("%d %s", i, "apples"), "%d %s", number, word) == 2) {
            sum += number + strlen(word);
        }
    }
    return sum;
}
