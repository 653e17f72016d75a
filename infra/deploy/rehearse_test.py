#!/usr/bin/env python3
"""What the rehearsal computes without a world."""

import importlib.machinery
import importlib.util
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("rehearse", str(Path(__file__).with_name("rehearse")))
rehearse = importlib.util.module_from_spec(importlib.util.spec_from_loader("rehearse", loader))
loader.exec_module(rehearse)


def operation(uri):
    return {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": uri}}


class Pure(unittest.TestCase):
    def test_routes_are_read_from_the_body_that_sam_makes(self):
        arn = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${LoginFunction.Arn}/invocations"
        resolved = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:0:function:Own/invocations"
        body = {"paths": {
            "/api/login": {"post": operation({"Fn::Sub": arn}), "x-other": {}},
            "/api/orders/{orderId}": {"get": operation(resolved)},
        }}
        self.assertEqual(rehearse.routes(body), [("GET", "/api/orders/{orderId}", "Own"), ("POST", "/api/login", "LoginFunction")])

    def test_a_route_without_a_function_is_named(self):
        with self.assertRaisesRegex(ValueError, "GET /a has no function"):
            rehearse.routes({"paths": {"/a": {"get": operation("https://elsewhere")}}})

    def test_addresses_may_be_plain_http_and_nothing_else_changes(self):
        template = "A: ^https://[^/?#]+$\nB: ^(https://[^/?#]+)?$\nC: https://api.example\n"
        loosened = "A: ^https?://[^/?#]+$\nB: ^(https?://[^/?#]+)?$\nC: https://api.example\n"
        self.assertEqual(rehearse.plain_http(template), loosened)

    def test_parameters_are_in_one_order(self):
        self.assertEqual(rehearse.overrides({"B": "2", "A": "1"}), ["A=1", "B=2"])

    def test_progress_is_estimated_once_something_is_done(self):
        self.assertEqual(rehearse.progress("functions", 0, 35, 60), "   0 of 35 functions")
        self.assertEqual(rehearse.progress("functions", 7, 35, 300), "   7 of 35 functions, 20 minutes left")

    def test_json_is_found_behind_warnings(self):
        self.assertEqual(rehearse.first_json(["warning: x\n", '{"url": "u"}\n']), {"url": "u"})
        with self.assertRaises(ValueError):
            rehearse.first_json(["nothing"])

    def test_the_log_is_a_list_or_has_one(self):
        self.assertEqual(rehearse.calls([1]), [1])
        self.assertEqual(rehearse.calls({"calls": [1]}), [1])


if __name__ == "__main__":
    unittest.main()
