// Package all is the one list of connectors. There is no other list and no
// registration: a connector is in Tailrace by being named here. It must never
// hold anything else; its promise is that documentation, planner, kit and
// command line all see the same connectors.
package all
