def square(number):
    return number * number


def fail():
    raise ValueError("on purpose")
