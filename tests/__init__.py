"""The tests; CONTRIBUTING tells what lies where and how to run a part of them."""
