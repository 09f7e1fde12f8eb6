package dev.millrace.engine.structured;

/** How the characters of a text are written down. */
interface Characters {
    /** One character out of the set; NEVER for an empty one. */
    Node one(CodePoints set);

    /** Characters as they are, in UTF-8. */
    static Characters plain(Nodes nodes) {
        return set -> Utf8.node(nodes, set);
    }

    /**
     * Characters inside a JSON string, each in one form only: as it is where that is allowed, else
     * as its escape.
     */
    static Characters inJson(Nodes nodes) {
        return set -> {
            Node plain = Utf8.node(nodes, set.minus(JsonText.ESCAPED));
            java.util.List<Node> forms = new java.util.ArrayList<>();
            forms.add(plain);
            for (int c = 0; c <= '\\'; c++) {
                if (set.contains(c) && JsonText.ESCAPED.contains(c)) {
                    forms.add(nodes.text(JsonText.escape(c)));
                }
            }
            return nodes.choice(forms);
        };
    }
}
